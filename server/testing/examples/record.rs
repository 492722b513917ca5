//! Records what tests/face/suite/testing.mjs asks: a state, and requests of clients that are to be answered after it. `cargo run -p wardkey-testing --example record`;
//! again when snapshots change.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(not(target_arch = "wasm32"))]
#[path = "../tests/world/mod.rs"]
#[allow(dead_code, reason = "tests need more of it")]
mod world;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::io::Result<()> {
    use std::rc::Rc;

    use serde_json::{Value, json};
    use wardkey::{
        client::Recipient,
        encoding::base64url,
        identity::UserId,
        key_pair::{KeyPair, Suite},
        session::Rights,
    };
    use world::{NOW, PASSWORD, World, run, seeded};

    let to = |name| Recipient::User(UserId::new(name).unwrap());
    let world = World::new();
    world.registered("anna", Some("anna@hospital.example"));
    world.registered("bob", None);
    let state = world.server.borrow().state().unwrap();

    // In the next life of the same server.
    let next = world.reloaded();
    next.registered("carol", None);
    let anna = next.client("app.example");
    run(anna.unlock("anna", PASSWORD, 0)).unwrap();
    let grants = [(to("anna"), Rights::MANAGE), (to("bob"), Rights::READ)];
    let session = run(anna.create_session(&grants)).unwrap();
    run(anna.revoke_recipients(&session, &[to("bob")])).unwrap();

    let body = |world: &Rc<World>, method, path| Value::from(world.last(method, path).body);
    let key = KeyPair::generate(&mut seeded(3), Suite::Hybrid).unwrap();
    let shares: Value = serde_json::from_str(&state).unwrap();
    let recorded = json!({
        "now": NOW,
        "key": base64url(key.public_key().as_bytes()),
        "share": shares["shares"]["anna"],
        "register": body(&next, "POST", "/v1/register"),
        "write": body(&next, "PUT", "/v1/backup"),
        "create": body(&next, "POST", "/v1/sessions"),
        "revokePath": next.last("POST", "/v1/sessions/").path,
        "revoke": body(&next, "POST", "/v1/sessions/"),
        "state": state,
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/face/recorded/testing.json");
    std::fs::write(path, serde_json::to_string_pretty(&recorded)? + "\n")
}

#[cfg(target_arch = "wasm32")]
fn main() {}
