//! Accounts with RSA keys: the host opens with them, and a reload has them where they can't be taken out.

use std::rc::Rc;

use wardkey::{
    client::{Client, OpenSession, Options, Recipient, Status, Unlocked},
    encoding::Context,
    error::Code,
    identity::UserId,
    key_pair::Suite,
    message::Padding,
    session::Rights,
};

use super::super::common::{
    keys::rsa_numbers,
    messages::Messages as _,
    world::{MINUTE, Mood, PASSWORD, TestDevice, TestHost, World, options, run},
};

fn rsa() -> Options {
    Options { suite: Suite::Rsa3072, ..options() }
}

/// Anna has written to Bob, whose keys are RSA.
struct Scene {
    world: Rc<World>,
    anna: Client<TestHost>,
    device: TestDevice,
    bob: Client<TestHost>,
    open: Rc<OpenSession>,
    message: Vec<u8>,
}

fn scene(name: &str) -> Scene {
    let world = World::new(name);
    let (_, anna) = world.registered("anna", None);
    let device = world.device();
    let bob = world.client_with(&device, rsa());
    run(bob.register("bob", PASSWORD, None)).unwrap();
    let user = |name| Recipient::User(UserId::new(name).unwrap());
    let open = run(anna.create_session(&[(user("anna"), Rights::MANAGE), (user("bob"), Rights::READ)])).unwrap();
    let message =
        run(anna.seal_messages(&open, &[(b"femur", &Context::default())], true, Padding::None)).unwrap().remove(0);
    Scene { world, anna, device, bob, open, message }
}

impl Scene {
    /// Bob's page, loaded again.
    fn reload(&mut self) -> Status {
        self.bob = self.world.client_with(&self.device, rsa());
        run(self.bob.look(None)).unwrap()
    }

    fn read(&self) -> Result<Vec<u8>, Code> {
        let opened = run(self.bob.open_messages(&[(&self.message, &Context::default())], &mut Vec::new()));
        let opened = opened.map_err(|failure| failure.code())?.remove(0);
        Ok(opened.map_err(|error| error.code())?.data)
    }

    fn unwrapped(&self) -> u32 {
        self.bob.host().unwrapped.get()
    }
}

#[test]
fn rsa_is_the_hosts() {
    let scene = scene("rsa");
    let Scene { anna, bob, open, .. } = &scene;
    let theirs = run(bob.open_sessions(&[*open.id()], &[])).unwrap().remove(0).unwrap();
    assert_eq!(scene.unwrapped(), 1);
    // What a later generation brings, too.
    run(anna.rotate(open)).unwrap();
    run(bob.update(&theirs)).unwrap();
    assert_eq!(scene.unwrapped(), 2);
    assert_eq!(scene.read().unwrap(), b"femur");
    assert_eq!(anna.host().unwrapped.get(), 0);
}

#[test]
fn a_reload_has_no_private_key() {
    let mut scene = scene("rsa reload");
    let [.., p, q, _, _, _] = rsa_numbers(Suite::Rsa3072);
    for secret in [p, q] {
        let sealed = scene.device.sealed.borrow();
        assert!(!sealed.windows(32).any(|window| secret[8..40] == *window));
    }
    assert_eq!(scene.reload(), Status::Ready);
    assert_eq!(scene.read().unwrap(), b"femur");
    // The host had nothing to open it with.
    assert_eq!(scene.unwrapped(), 0);
    // What needs the private keys has them from the backup: nothing is written without them.
    run(scene.bob.change_password(PASSWORD, "new", &())).unwrap();
    assert_eq!(scene.reload(), Status::Ready);
    assert_eq!(scene.read().unwrap(), b"femur");
    scene.device.wipe();
    let bob = scene.world.client_with(&scene.world.device(), rsa());
    assert_eq!(run(bob.unlock("bob", "new", 0)).unwrap(), Unlocked::Restored);
    scene.bob = bob;
    assert_eq!(scene.read().unwrap(), b"femur");
    assert_eq!(scene.unwrapped(), 1);
}

#[test]
fn a_reload_after_a_renewal() {
    let mut scene = scene("rsa renewal");
    assert_eq!(scene.reload(), Status::Ready);
    // The same suite would be the same key here.
    scene.bob = scene.world.client_with(&scene.device, Options { suite: Suite::Rsa4096, ..options() });
    run(scene.bob.look(None)).unwrap();
    run(scene.bob.renew_keys(PASSWORD)).unwrap();
    assert_eq!(scene.device.rsa.borrow().len(), 2);
    assert_eq!(scene.reload(), Status::Ready);
    assert_eq!(scene.read().unwrap(), b"femur");
    run(scene.anna.rotate(&scene.open)).unwrap();
    assert_eq!(scene.read().unwrap(), b"femur");
    assert_eq!(scene.unwrapped(), 0);
    // The state is written without the private keys.
    run(scene.bob.identities(&[&UserId::new("anna").unwrap()])).unwrap();
    assert_eq!(scene.reload(), Status::Ready);
}

#[test]
fn where_it_cannot_be_kept_each_load_asks() {
    let mut scene = scene("rsa unkept");
    for mood in [Mood::WithoutRsa, Mood::Keyless, Mood::Blocked] {
        run(scene.bob.lock());
        scene.device.mood.set(mood);
        run(scene.bob.unlock("bob", PASSWORD, 0)).unwrap();
        assert_eq!(scene.read().unwrap(), b"femur");
        assert!(
            scene.device.rsa.borrow().is_empty() && !scene.device.names().contains(&"resume".to_owned()),
            "{mood:?}"
        );
        scene.device.mood.set(Mood::Good);
        assert_eq!(scene.reload(), Status::Locked, "{mood:?}");
    }
}

#[test]
fn the_browsers_keys_go_with_the_entry() {
    let mut scene = scene("rsa gone");
    run(scene.bob.lock());
    assert!(scene.device.rsa.borrow().is_empty());
    run(scene.bob.unlock("bob", PASSWORD, 0)).unwrap();
    assert_eq!(scene.device.rsa.borrow().len(), 1);
    run(scene.bob.forget(None)).unwrap();
    assert!(scene.device.rsa.borrow().is_empty());
    run(scene.bob.unlock("bob", PASSWORD, 0)).unwrap();
    for _ in 0..options().resume / MINUTE {
        scene.world.pass(MINUTE);
    }
    assert_eq!(scene.reload(), Status::Locked);
    assert!(scene.device.rsa.borrow().is_empty());
    // Another user.
    run(scene.bob.unlock("bob", PASSWORD, 0)).unwrap();
    let carol = scene.world.client(&scene.device);
    run(carol.register("carol", PASSWORD, None)).unwrap();
    assert!(scene.device.rsa.borrow().is_empty());
    assert_eq!(run(scene.world.client(&scene.device).look(Some("bob"))).unwrap(), Status::Locked);

    // Lost between two loads, and under a running page.
    run(scene.bob.unlock("bob", PASSWORD, 0)).unwrap();
    let kept = scene.device.rsa.take();
    assert_eq!(scene.reload(), Status::Locked);
    scene.device.rsa.replace(kept);
    assert_eq!(scene.reload(), Status::Ready);
    scene.device.wipe();
    assert_eq!(scene.read().unwrap(), b"femur");
    run(scene.bob.refresh()).unwrap();
    run(scene.anna.rotate(&scene.open)).unwrap();
    run(scene.bob.clear_cache()).unwrap();
    assert_eq!(scene.read().unwrap(), b"femur");
    // The next load asks.
    assert_ne!(scene.reload(), Status::Ready);
    run(scene.bob.unlock("bob", PASSWORD, 0)).unwrap();
    assert_eq!(scene.read().unwrap(), b"femur");
}
