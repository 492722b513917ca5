//! The corpus of the fuzz targets, as a test: `fuzz/corpus/<target>/*` through the body of the target.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

#[path = "../fuzz/targets.rs"]
mod targets;

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names_in(directory: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(fuzz().join(directory)).expect(directory);
    entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_target_survives_its_corpus() {
    for (name, target) in targets::ALL {
        let mut run = 0;
        for entry in fs::read_dir(fuzz().join("corpus").join(name)).expect(name) {
            let path = entry.unwrap().path();
            let data = fs::read(&path).unwrap();
            let survived = catch_unwind(AssertUnwindSafe(|| target(&data)));
            assert!(survived.is_ok(), "{name}: {}", path.display());
            run += 1;
        }
        assert!(run > 0, "{name} has an empty corpus");
    }
}

#[test]
fn every_target_is_built_and_has_a_corpus() {
    let targets: BTreeSet<_> = targets::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in("fuzz_targets"), targets);
    assert_eq!(names_in("corpus"), targets);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let built: BTreeSet<_> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .map(str::to_owned)
        .collect();
    assert_eq!(built, targets);
}
