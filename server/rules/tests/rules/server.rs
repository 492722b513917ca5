//! The key server itself.

use serde_json::json;
use wardkey::secret::SecretBytes;
use wardkey_rules::Server;

use crate::{
    user::User,
    world::{World, app, key_server, seeded},
};

#[test]
fn its_secrets_are_kept_and_read() {
    let mut rng = seeded(8);
    let server = Server::generate(&mut rng, &app()).unwrap();
    let fingerprint = *server.identity().fingerprint();
    let server = server.renew(&mut rng).unwrap().renew(&mut rng).unwrap();
    let bytes = server.to_secret_bytes();
    let again = Server::from_secret_bytes(&bytes).unwrap();
    assert_eq!(again.identity().bundles(), server.identity().bundles());
    assert_eq!((again.identity().fingerprint(), again.identity().bundles().len()), (&fingerprint, 3));
    assert_eq!(again.to_secret_bytes().expose(), bytes.expose());
    assert_eq!(format!("{again:?}"), format!("Server({fingerprint})"));
    for len in [0, 1, 40, 81, 82, 200] {
        let cut = SecretBytes::new(bytes.expose()[..len].to_vec());
        assert_eq!(Server::from_secret_bytes(&cut).unwrap_err().code().as_str(), "invalid-format", "{len}");
    }
    let mut other = bytes.expose().to_vec();
    other[0] = 2;
    let error = Server::from_secret_bytes(&SecretBytes::new(other)).unwrap_err();
    assert_eq!(error.code().as_str(), "unsupported-version");
}

/// What was sealed for the old keys is opened still, and the identity is the same.
#[test]
fn it_takes_new_keys() {
    let mut world = World::new();
    let alice = User::reachable(&mut world, "alice");
    let before = *world.server.identity().fingerprint();
    let mut rng = seeded(9);
    world.server = Server::from_secret_bytes(&world.server.to_secret_bytes()).unwrap().renew(&mut rng).unwrap();
    let read = world.call(Some(&alice), "GET", "/v1/backup", None);
    let now = key_server(&read["keyServer"]);
    assert_eq!((now.fingerprint(), now.bundles().len()), (&before, 2));
    let started = world.call(None, "POST", "/v1/public/recoveries", json!({ "userId": "alice" }));
    let code = world.mails[0].code.clone();
    let key = wardkey::encoding::base64url(alice.pairs[0].public_key().as_bytes());
    let path = format!("/v1/public/recoveries/{}/code", started["recoveryId"].as_str().unwrap());
    world.call(None, "POST", &path, json!({ "code": code, "key": key }));
}
