//! `testdata/SHA256SUMS`, in the format of `sha256sum`.

use std::{collections::BTreeMap, fs, io, path::Path};

use sha2::{Digest, Sha256};

use super::hex::hex;

const NAME: &str = "SHA256SUMS";

/// Sums of all files below a directory, by their path in it.
pub(crate) fn of_files(root: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut sums = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            if name != NAME {
                sums.insert(name, hex(Sha256::digest(fs::read(&path)?)));
            }
        }
    }
    Ok(sums)
}

/// The sums that are recorded.
pub(crate) fn recorded(root: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(root.join(NAME)).unwrap_or_default();
    let line = |line: &str| line.split_once("  ").map(|(sum, name)| (name.to_owned(), sum.to_owned()));
    text.lines().map(|text| line(text).expect("a line of SHA256SUMS")).collect()
}

/// Adds what is not recorded yet; what is stays.
pub(crate) fn complete(root: &Path) -> io::Result<()> {
    let mut sums = of_files(root)?;
    sums.extend(recorded(root));
    let lines: String = sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    fs::write(root.join(NAME), lines)
}
