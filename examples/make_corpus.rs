//! Seeds the corpora of the fuzz targets: `cargo run --example make_corpus`. Files are named by their content; what is there stays.

#[cfg(not(target_arch = "wasm32"))]
#[path = "../tests/common/mod.rs"]
mod common;
#[cfg(not(target_arch = "wasm32"))]
#[path = "../tests/seeds/mod.rs"]
mod seeds;
#[cfg(not(target_arch = "wasm32"))]
#[path = "../fuzz/targets.rs"]
mod targets;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::io::Result<()> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (target, seeds) in seeds::all() {
        let directory = root.join("fuzz/corpus").join(target);
        std::fs::create_dir_all(&directory)?;
        for seed in seeds {
            std::fs::write(directory.join(seeds::name(&seed)), seed)?;
        }
    }
    Ok(())
}

#[cfg(target_arch = "wasm32")]
fn main() {}
