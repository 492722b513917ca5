//! The codes of the core are those of the package's contract, in its order.
#![cfg(not(target_arch = "wasm32"))]

use wardkey::error::Code;

#[test]
fn codes_are_those_of_the_contract() {
    let contract = include_str!("../npm/contract.d.ts");
    let union = contract.split("type KnownErrorCode").nth(1).and_then(|rest| rest.split(';').next());
    let named: Vec<_> = union.unwrap_or_default().split('"').skip(1).step_by(2).collect();
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes, named);
}
