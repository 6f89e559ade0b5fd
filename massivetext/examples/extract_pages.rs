//! The main content of pages on one thread. `extract_pages FOLDER` prints a line of JSON for each `.html` file of the folder:
//! `file`, `title`, `text`. `extract_pages FOLDER SECONDS` extracts them again and again, and prints how many in how many
//! seconds.

use std::error::Error;
use std::time::Instant;

use massivetext::html::{Budget, extract};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("extract_pages FOLDER [SECONDS]")?;
    let seconds: Option<f64> = arguments.next().map(|seconds| seconds.parse()).transpose()?;
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "html") {
            let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            pages.push((file, String::from_utf8_lossy(&std::fs::read(&path)?).into_owned()));
        }
    }
    pages.sort();
    match seconds {
        Some(seconds) => println!("{}", measure(&pages, seconds)),
        None => {
            for (file, html) in &pages {
                let page = extract(html, &Budget::default());
                println!("{}", json!({"file": file, "title": page.title, "text": page.text}));
            }
        }
    }
    Ok(())
}

fn measure(pages: &[(String, String)], seconds: f64) -> serde_json::Value {
    let (mut count, mut bytes) = (0_u64, 0_usize);
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < seconds && !pages.is_empty() {
        for (_, html) in pages {
            bytes += extract(html, &Budget::default()).text.len();
            count += 1;
        }
    }
    json!({"pages": count, "seconds": began.elapsed().as_secs_f64(), "bytes": bytes})
}
