//! Records the vectors: `cargo run --example make_vectors`. A file that exists is never written again: recorded vectors don't change.

#[cfg(not(target_arch = "wasm32"))]
#[path = "../tests/common/mod.rs"]
mod common;
#[cfg(not(target_arch = "wasm32"))]
#[path = "../tests/recording/mod.rs"]
mod recording;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::io::Result<()> {
    let testdata = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    for (name, text) in recording::all() {
        let path = testdata.join(name);
        if !path.exists() {
            std::fs::write(path, text)?;
        }
    }
    common::sums::complete(&testdata)
}

#[cfg(target_arch = "wasm32")]
fn main() {}
