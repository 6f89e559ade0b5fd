//! The cache of an encoded corpus: one file per (files' content, settings, tokenizer).
//!
//! Layout, integers little-endian: the magic bytes; the header's length (u32) and the header (JSON); the ids
//! of the training part and of the validation part, 2 or 4 bytes each; the SHA-256 of everything before it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::stream::Ids;
use super::{Corpus, CorpusConfig, Statistics, TokenStream};
use crate::read::{Findings, ReadConfig};
use crate::tokenizer::hex;
use crate::{Error, Result, Tokenizer};

/// The last byte is the version of the layout and of everything that decides the tokens (reading, splitting).
const MAGIC: &[u8; 8] = b"gtokens\x02";

/// How the names of cache files end.
const ENDING: &str = "tokens";

/// A folder of tokens, a file for each text that was encoded. It may be emptied at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCache {
    /// The folder, which need not exist.
    pub folder: PathBuf,
    /// The most bytes of all its files. When there are more, those go first that were not used for longest.
    pub most_bytes: u64,
}

/// After so long, a file that is not whole has no writer any more.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

impl TokenCache {
    /// Where the tokens of a key are.
    pub(super) fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{}.{ENDING}", &key[..32]))
    }

    /// Removes what was not used for longest until `more` bytes have a place, and what writers that died have left. What
    /// cannot be removed stays.
    fn make_room(&self, more: u64) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let now = SystemTime::now();
        let mut whole = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let Ok(used) = metadata.modified() else { continue };
            if path.extension().is_some_and(|ending| ending == ENDING) {
                whole.push((used, metadata.len(), path));
            } else if metadata.is_file() && now.duration_since(used).is_ok_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(&path);
            }
        }
        whole.sort();
        let mut bytes: u64 = whole.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, of_file, path) in whole {
            if bytes.saturating_add(more) <= self.most_bytes {
                break;
            }
            if fs::remove_file(&path).is_ok() {
                bytes -= of_file;
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    key: String,
    bytes_per_id: usize,
    training: Statistics,
    validation: Statistics,
    findings: Findings,
}

/// The cache key: everything the tokens depend on, as one hash in hexadecimal.
pub(super) fn key(
    files: &[PathBuf],
    read: &ReadConfig,
    tokenizer: &Tokenizer,
    config: &CorpusConfig,
) -> Result<String> {
    let mut key = Sha256::new();
    key.update(MAGIC);
    // In the order in which they are declared, however the crate of JSON orders objects.
    for settings in
        [serde_json::to_vec(read), serde_json::to_vec(config), serde_json::to_vec(&tokenizer.fingerprint())]
    {
        key.update(Sha256::digest(settings.unwrap_or_default()));
    }
    for path in files {
        let mut content = Sha256::new();
        let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
        io::copy(&mut file, &mut content).map_err(|e| Error::io(path, e))?;
        // The ending decides how a file is read.
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let ending = name.split_once('.').map_or("", |(_, ending)| ending).to_owned();
        key.update(Sha256::digest(ending));
        key.update(content.finalize());
    }
    Ok(hex(&key.finalize()))
}

/// Writes the cache file, complete or not at all; why not, in words.
pub(super) fn store(
    cache: &TokenCache,
    key: &str,
    corpus: &Corpus,
    findings: &Findings,
) -> Result<(), String> {
    let (training, validation) = (&corpus.training, &corpus.validation);
    let bytes_per_id = match training.0.ids() {
        Some(Ids::U32(_)) => 4,
        Some(Ids::U16(_)) | None => 2,
    };
    let header = Header {
        key: key.into(),
        bytes_per_id,
        training: training.1,
        validation: validation.1,
        findings: findings.clone(),
    };
    let header = serde_json::to_vec(&header).expect("numbers and strings");
    let length = u32::try_from(header.len()).expect("a short header").to_le_bytes();
    let ids = [to_bytes(&training.0), to_bytes(&validation.0)];
    let mut sum = Sha256::new();
    let parts: [&[u8]; 5] = [MAGIC, &length, &header, &ids[0], &ids[1]];
    parts.iter().for_each(|part| sum.update(part));
    let bytes = parts.iter().map(|part| part.len() as u64).sum::<u64>() + 32;
    if bytes > cache.most_bytes {
        return Err(format!("{bytes} bytes, and the cache holds at most {} of tokens", cache.most_bytes));
    }
    cache.make_room(bytes);
    write_atomically(&cache.path(key), &[parts[0], parts[1], parts[2], parts[3], parts[4], &sum.finalize()])
        .map_err(|error| error.to_string())
}

/// Writes a file under a temporary name beside it, then renames it, so that readers see all of it or none. The
/// crate `store` has the same for files of a run; `data` does without it, since `store` depends on XLA's arrays.
fn write_atomically(path: &Path, parts: &[&[u8]]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        fs::create_dir_all(folder)?;
        let mut builder = tempfile::Builder::new();
        // Temporary files are private; this one is to end up like any other.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    // Not-found after creating the folder is still about writing, so it is not "missing".
    write().map_err(|source| Error::Io { path: path.into(), source })
}

fn to_bytes(stream: &TokenStream) -> Vec<u8> {
    match stream.ids() {
        Some(Ids::U16(ids)) => ids.iter().flat_map(|id| id.to_le_bytes()).collect(),
        Some(Ids::U32(ids)) => ids.iter().flat_map(|id| id.to_le_bytes()).collect(),
        None => Vec::new(),
    }
}

/// Reads the cache file: `None` if there is none, an error in words if it cannot be believed.
pub(super) fn load(
    path: &Path,
    key: &str,
    vocabulary_size: usize,
) -> Result<Option<(Corpus, Findings)>, String> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    // That it was used; where it cannot be written down, the file goes earlier.
    let _ = File::options().append(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
    parse(&bytes, key, vocabulary_size).map(Some).map_err(|detail| format!("{}: {detail}", path.display()))
}

fn parse(bytes: &[u8], key: &str, vocabulary_size: usize) -> Result<(Corpus, Findings), String> {
    let (content, sum) = bytes.split_last_chunk::<32>().ok_or("too short")?;
    if Sha256::digest(content)[..] != sum[..] {
        return Err("checksum differs".into());
    }
    let rest = content.strip_prefix(MAGIC).ok_or("of another version")?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or("too short")?;
    let (header, ids) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or("too short")?;
    let header: Header = serde_json::from_slice(header).map_err(|e| e.to_string())?;
    if header.key != key {
        return Err("made from other data".into());
    }
    let training = usize::try_from(header.training.tokens).map_err(|e| e.to_string())?;
    let (first, second) =
        ids.split_at_checked(training.saturating_mul(header.bytes_per_id)).ok_or("too few tokens")?;
    let part = |part, bytes: &[u8], statistics: Statistics| {
        let ids = match header.bytes_per_id {
            2 => Ids::U16(bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect()),
            4 => Ids::U32(
                bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            ),
            other => return Err(format!("{other} bytes per token")),
        };
        let in_vocabulary = match &ids {
            Ids::U16(ids) => ids.iter().all(|&id| usize::from(id) < vocabulary_size),
            Ids::U32(ids) => ids.iter().all(|&id| (id as usize) < vocabulary_size),
        };
        let stream = TokenStream::of_ids(part, ids);
        if !in_vocabulary || stream.len() as u64 != statistics.tokens {
            return Err("tokens differ from its header".to_owned());
        }
        Ok((stream, statistics))
    };
    let corpus = Corpus {
        training: part("training", first, header.training)?,
        validation: part("validation", second, header.validation)?,
    };
    Ok((corpus, header.findings))
}
