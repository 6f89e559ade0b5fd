//! What is in a WARC file: `warc_index FILE…` prints a line of JSON for each record, and for each stretch that is none.

use std::error::Error;
use std::path::Path;

use massivetext::warc::{Found, Reader};
use serde_json::json;
use sha2::{Digest as _, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        let path = Path::new(&path);
        let mut reader = Reader::open(path, 1 << 30, |_| true)?;
        while let Some(found) = reader.next(path)? {
            let line = match found {
                Found::Record(record) => {
                    let content = record.content.unwrap_or_default();
                    let digest: String =
                        Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
                    json!({
                        "type": record.header.kind.name(),
                        "offset": record.place.offset,
                        "member": record.place.member,
                        "member_length": record.place.member_length,
                        "uri": record.header.uri(),
                        "length": content.len(),
                        "sha256": digest,
                    })
                }
                Found::Fault(fault) => {
                    json!({"fault": fault.kind, "offset": fault.place.offset, "detail": fault.detail})
                }
            };
            println!("{line}");
        }
    }
    Ok(())
}
