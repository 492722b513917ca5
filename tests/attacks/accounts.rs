//! B2, B5, B7 on accounts: what a key server can do with parameters, old backups and shares.

use wardkey::{
    account::{Account, Presented},
    account::{
        Opening, Receipt, RecoveryProof, State, TwoManShares, Which, accept, check_login, draw_shares, login_salt,
        open_recovery_share, open_share, wrap_recovery_share, wrap_share,
    },
    backup::{Envelope, Keys, Owner, TwoMen},
    error::{Code, Result},
    identity::{Trust, UserId},
    password::{Derivation, Kdf, Password, SlowKey},
    secret::Secret,
    signed::Minimum,
};

use super::{
    common::{
        code,
        craft::{backup::cheap_argon2id, objects::Person},
        keys::Pair,
        rng::{Seeded, seeded},
    },
    underived,
};

struct Scene {
    anna: Person,
    server: Person,
    derivation: Derivation,
    slow: SlowKey,
}

impl Scene {
    fn new(rng: &mut Seeded) -> Self {
        let (anna, server) = (Person::user(rng, "anna"), Person::key_server(rng));
        let derivation = Derivation::new(cheap_argon2id(), &[7; 32]).unwrap();
        let slow = derivation.derive(&Password::new("correct horse").unwrap()).unwrap();
        Self { anna, server, derivation, slow }
    }

    fn user(&self) -> &UserId {
        self.anna.user.as_ref().unwrap()
    }

    fn owner(&self) -> Owner {
        Owner::of(&self.anna.app, self.user())
    }

    fn state(&self, rng: &mut Seeded) -> State {
        let mut state = State::new(Secret::generate(rng).unwrap(), &self.anna.identity());
        state.pins.meet(&self.server.identity(), &Trust::default()).unwrap();
        state
    }

    fn seal(&self, rng: &mut Seeded, owner: &Owner, version: u64, men: Option<&TwoMen>) -> Vec<u8> {
        let signing = self.anna.signing_key();
        let keys = Keys { encryption: &[&self.anna.pair().pair], signing: &[&signing] };
        let state = self.state(rng).to_bytes().unwrap();
        let sealing = Envelope::begin(rng, owner, version, &self.derivation, men, &keys).unwrap();
        sealing.with_state(state).finish(rng, &self.slow).unwrap().encode()
    }

    fn unlock(&self, active: Option<&[u8]>, pending: Option<&[u8]>, remembered: u64) -> Result<Account> {
        let opening = Opening::begin(active, pending, &self.owner(), Some(&self.derivation))?;
        let opened = opening.open(&self.slow)?;
        let (own, key_server) = (self.anna.bundles(), self.server.bundles());
        let own: Vec<&[u8]> = own.iter().map(Vec::as_slice).collect();
        let key_server: Vec<&[u8]> = key_server.iter().map(Vec::as_slice).collect();
        let presented = Presented { own: &own, renewal: None, key_server: &key_server };
        let contents = (&opened.envelope, opened.contents);
        accept(&self.anna.app, self.user(), contents, remembered, &presented, &Trust::default())
    }
}

/// The check has no password to give away: whatever a server says, what follows is the same for any two.
#[test]
fn b2_nothing_is_derived_with_a_servers_parameters() {
    let mut rng = seeded("b2");
    let anna = Person::user(&mut rng, "anna");
    let user = anna.user.as_ref().unwrap();
    let own = Kdf::default();
    let weakest = cheap_argon2id();
    let pbkdf2 = Kdf::default_pbkdf2();
    let check =
        |kdf, salt: &[u8], accepted: &[Kdf]| underived(|| check_login(&anna.app, user, kdf, salt, own, accepted));
    assert!(check(own, &[1; 32], &[]).is_ok());
    for kdf in [weakest, pbkdf2, Kdf::argon2id(65_536, 4).unwrap(), Kdf::argon2id(131_072, 3).unwrap()] {
        assert_eq!(code(check(kdf, &[1; 32], &[])), Code::KdfPolicy);
        assert!(check(kdf, &[1; 32], &[kdf]).is_ok());
    }
    assert_eq!(code(check(weakest, &[1; 32], &[pbkdf2])), Code::KdfPolicy);
    for len in [0, 16, 31, 33, 64] {
        assert_eq!(code(check(own, &vec![1; len], &[])), Code::InvalidFormat, "{len}");
    }
}

/// A server that gives one salt to all doesn't make their slow keys alike.
#[test]
fn b2_one_server_salt_for_everybody() {
    let mut rng = seeded("b2 salts");
    let (anna, bob) = (Person::user(&mut rng, "anna"), Person::user(&mut rng, "bob"));
    let salt = |person: &Person| login_salt(&person.app, person.user.as_ref().unwrap(), &[0; 32]);
    assert_ne!(salt(&anna), salt(&bob));
    let elsewhere = wardkey::identity::AppId::new("other.example").unwrap();
    assert_ne!(salt(&anna), login_salt(&elsewhere, anna.user.as_ref().unwrap(), &[0; 32]));
    let kdf = Kdf::default();
    let checked = check_login(&anna.app, anna.user.as_ref().unwrap(), kdf, &[0; 32], kdf, &[]).unwrap();
    assert_eq!(checked.salt(), salt(&anna));
}

#[test]
fn b2_the_login_secret_opens_nothing() {
    let mut rng = seeded("b2 login");
    let scene = Scene::new(&mut rng);
    let backup = Envelope::parse(&scene.seal(&mut rng, &scene.owner(), 1, None)).unwrap();
    assert!(backup.open_account(&scene.slow).is_ok());
    let login = scene.slow.login_secret();
    assert_eq!(code(backup.open_account(&SlowKey::new(&login))), Code::WrongPassword);
    let men = TwoMen { application: scene.slow.login_secret(), key_server: scene.slow.login_secret() };
    assert_eq!(code(backup.open_account_with_two_men(&men)), Code::NoBackup);
}

/// Before the server knows whether the password is right, a backup that was made with other parameters has ended the opening.
#[test]
fn b2_a_backup_with_other_parameters_than_derived_with() {
    let mut rng = seeded("b2 backup");
    let scene = Scene::new(&mut rng);
    let good = scene.seal(&mut rng, &scene.owner(), 1, None);
    for other in [Derivation::new(cheap_argon2id(), &[8; 32]), Derivation::new(Kdf::default(), &[7; 32])] {
        let other = other.unwrap();
        let opening = |pending| underived(|| Opening::begin(Some(&good), pending, &scene.owner(), Some(&other)));
        assert_eq!(code(opening(None)), Code::KdfPolicy);
        let theirs = Scene { derivation: other.clone(), ..Scene::new(&mut seeded("b2 backup")) };
        let pending = theirs.seal(&mut rng, &scene.owner(), 2, None);
        assert_eq!(code(scene.unlock(Some(&good), Some(&pending), 0)), Code::KdfPolicy);
    }
}

#[test]
fn b5_an_old_backup_another_users_or_none() {
    let mut rng = seeded("b5");
    let scene = Scene::new(&mut rng);
    let [old, new] = [4, 5].map(|version| scene.seal(&mut rng, &scene.owner(), version, None));
    assert!(scene.unlock(Some(&old), None, 4).is_ok());
    assert!(scene.unlock(Some(&new), None, 4).is_ok());
    assert_eq!(code(scene.unlock(Some(&old), None, 5)), Code::BackupRollback);
    // None is none: that is no reason to make a new identity.
    assert_eq!(code(scene.unlock(None, None, 0)), Code::NoBackup);
    assert_eq!(code(scene.unlock(None, Some(&new), 0)), Code::NoBackup);
    for owner in [Owner::new("transfers.example", "eve"), Owner::new("other.example", "anna"), Owner::new("", "anna")] {
        let foreign = scene.seal(&mut rng, &owner.unwrap(), 5, None);
        assert_eq!(code(underived(|| scene.unlock(Some(&foreign), None, 0))), Code::KeyMismatch);
        assert_eq!(code(underived(|| scene.unlock(Some(&new), Some(&foreign), 0))), Code::KeyMismatch);
    }
}

/// A pending backup is no way around what is remembered.
#[test]
fn b5_an_old_backup_as_the_pending_one() {
    let mut rng = seeded("b5 pending");
    let scene = Scene::new(&mut rng);
    let mut other = Scene::new(&mut seeded("b5 pending"));
    other.slow = scene.derivation.derive(&Password::new("another").unwrap()).unwrap();
    let old = scene.seal(&mut rng, &scene.owner(), 4, None);
    let new = other.seal(&mut rng, &scene.owner(), 5, None);
    assert_eq!(code(scene.unlock(Some(&new), None, 5)), Code::WrongPassword);
    assert!(scene.unlock(Some(&new), Some(&old), 4).is_ok());
    assert_eq!(code(scene.unlock(Some(&new), Some(&old), 5)), Code::BackupRollback);
}

/// Version and state of one write don't go with the keys of another.
#[test]
fn b5_parts_of_two_backups() {
    let mut rng = seeded("b5 parts");
    let scene = Scene::new(&mut rng);
    let envelope = Envelope::parse(&scene.seal(&mut rng, &scene.owner(), 4, None)).unwrap();
    let contents = envelope.open_account(&scene.slow).unwrap();
    let state = scene.state(&mut rng).to_bytes().unwrap();
    let written = envelope.with_state(&mut rng, &contents.state_key, 5, &state).unwrap();
    assert!(written.differs_in_state_only(&envelope));
    assert!(scene.unlock(Some(&written.encode()), None, 5).is_ok());
    // The old write, its version raised by the server.
    let (old, new) = (envelope.encode(), written.encode());
    let at = old.iter().zip(&new).position(|(a, b)| a != b).unwrap();
    let mut raised = old.clone();
    raised[at] = new[at];
    assert_eq!(Envelope::parse(&raised).unwrap().version(), 5);
    assert_eq!(code(scene.unlock(Some(&raised), None, 5)), Code::DecryptionFailed);
    // A state under the key of another root.
    let whole = Envelope::parse(&scene.seal(&mut rng, &scene.owner(), 6, None)).unwrap();
    assert!(!whole.differs_in_state_only(&envelope));
    assert_eq!(code(whole.open_state(&contents.state_key)), Code::DecryptionFailed);
    let mixed = whole.with_state(&mut rng, &contents.state_key, 7, &state).unwrap();
    assert_eq!(code(scene.unlock(Some(&mixed.encode()), None, 0)), Code::DecryptionFailed);
}

/// A backup opens, and is still not taken for the account: its keys are another's, or its state.
#[test]
fn b5_a_backup_of_another_identity() {
    let mut rng = seeded("b5 identity");
    let scene = Scene::new(&mut rng);
    let mut other = Scene::new(&mut seeded("b5 other identity"));
    // The same password.
    other.slow = scene.derivation.derive(&Password::new("correct horse").unwrap()).unwrap();
    let theirs = other.seal(&mut rng, &scene.owner(), 5, None);
    assert_eq!(code(scene.unlock(Some(&theirs), None, 0)), Code::PinMismatch);
}

fn two_men(shares: [&Secret<32>; 2]) -> TwoMen {
    let copy = |share: &Secret<32>| Secret::from_slice(share.expose()).unwrap();
    TwoMen { application: copy(shares[0]), key_server: copy(shares[1]) }
}

#[test]
fn b7_both_shares_are_needed() {
    let mut rng = seeded("b7");
    let scene = Scene::new(&mut rng);
    let men = draw_shares(&mut rng).unwrap();
    let backup = scene.seal(&mut rng, &scene.owner(), 1, Some(&men));
    let open = |men: TwoMen| {
        let opening = Opening::begin(Some(&backup), None, &scene.owner(), None).unwrap();
        opening.open_with_two_men(&TwoManShares { active: men, pending: None })
    };
    assert!(open(two_men([&men.application, &men.key_server])).is_ok());
    let zero = Secret::from_slice(&[0; 32]).unwrap();
    let other = draw_shares(&mut rng).unwrap();
    for shares in [
        // Each database alone, with nothing, with itself, or with what it made up.
        [&men.application, &zero],
        [&zero, &men.key_server],
        [&men.application, &men.application],
        [&men.key_server, &men.key_server],
        [&men.application, &other.key_server],
        [&other.application, &men.key_server],
        [&men.key_server, &men.application],
    ] {
        assert_eq!(code(open(two_men(shares))), Code::DecryptionFailed);
    }
    // What either keeps opens nothing by the password's way.
    let envelope = Envelope::parse(&backup).unwrap();
    for share in [&men.application, &men.key_server] {
        assert_eq!(code(envelope.open_account(&SlowKey::new(share))), Code::WrongPassword);
    }
}

/// A whole write that was interrupted after the application had its new share: the pending backup is the one that opens.
#[test]
fn b7_shares_of_the_pending_backup() {
    let mut rng = seeded("b7 pending");
    let scene = Scene::new(&mut rng);
    let (old, new) = (draw_shares(&mut rng).unwrap(), draw_shares(&mut rng).unwrap());
    let active = scene.seal(&mut rng, &scene.owner(), 1, Some(&old));
    let pending = scene.seal(&mut rng, &scene.owner(), 2, Some(&new));
    let open = |application: &Secret<32>, pending: Option<&[u8]>| {
        let shares = TwoManShares {
            active: two_men([application, &old.key_server]),
            pending: pending.map(|_| two_men([application, &new.key_server])),
        };
        Opening::begin(Some(&active), pending, &scene.owner(), None)?.open_with_two_men(&shares)
    };
    let by_old = open(&old.application, Some(&pending)).unwrap();
    assert_eq!((by_old.which, by_old.highest, by_old.interrupted.is_none()), (Which::Active, 2, true));
    let by_new = open(&new.application, Some(&pending)).unwrap();
    assert_eq!((by_new.which, by_new.envelope.version()), (Which::Pending, 2));
    assert_eq!(code(open(&new.application, None)), Code::DecryptionFailed);
    let other = draw_shares(&mut rng).unwrap();
    assert_eq!(code(open(&other.application, Some(&pending))), Code::DecryptionFailed);
}

#[test]
fn b7_the_right_shares_for_another_backup() {
    let mut rng = seeded("b7 foreign");
    let scene = Scene::new(&mut rng);
    let men = draw_shares(&mut rng).unwrap();
    let eve = Owner::new("transfers.example", "eve").unwrap();
    let foreign = scene.seal(&mut rng, &eve, 1, Some(&men));
    let begin = |backup: &[u8]| Opening::begin(Some(backup), None, &scene.owner(), None);
    assert_eq!(code(begin(&foreign)), Code::KeyMismatch);
    // Relabelled.
    let at = foreign.windows(4).position(|bytes| bytes == b"\x63eve").unwrap();
    let renamed = [&foreign[..at], b"\x64anna", &foreign[at + 4..]].concat();
    let opened = begin(&renamed).unwrap().open_with_two_men(&TwoManShares { active: men, pending: None });
    assert_eq!(code(opened), Code::DecryptionFailed);
}

/// A share that the key server keeps is of one user, version and recovery.
#[test]
fn b7_shares_are_bound() {
    let mut rng = seeded("b7 shares");
    let scene = Scene::new(&mut rng);
    let eve = UserId::new("eve").unwrap();
    let men = draw_shares(&mut rng).unwrap();
    let (app, anna, pair) = (&scene.anna.app, scene.user(), scene.server.pair());
    let (server, private) = (pair.pair.public_key(), &pair.pair);
    let kept = wrap_share(&mut rng, &men.key_server, server, (app, anna), 3).unwrap();
    assert_eq!(open_share(&mut rng, &kept, private, (app, anna), 3).unwrap(), men.key_server);
    assert_eq!(code(open_share(&mut rng, &kept, private, (app, &eve), 3)), Code::UnwrapFailed);
    assert_eq!(code(open_share(&mut rng, &kept, private, (app, anna), 4)), Code::UnwrapFailed);
    let asking = Pair::hybrid(&mut rng);
    let key = asking.pair.public_key();
    let released = wrap_recovery_share(&mut rng, &men.key_server, key, (app, anna), 3, &[1; 16]).unwrap();
    let open = |rng: &mut Seeded, id: [u8; 16], version, pair| {
        open_recovery_share(rng, &released, pair, (app, anna), version, &id)
    };
    assert_eq!(open(&mut rng, [1; 16], 3, &asking.pair).unwrap(), men.key_server);
    assert_eq!(code(open(&mut rng, [2; 16], 3, &asking.pair)), Code::UnwrapFailed);
    assert_eq!(code(open(&mut rng, [1; 16], 2, &asking.pair)), Code::UnwrapFailed);
    assert_eq!(code(open(&mut rng, [1; 16], 3, private)), Code::NotARecipient);
    // The kept one isn't what is released, nor the other way.
    assert_eq!(code(open_recovery_share(&mut rng, &kept, private, (app, anna), 3, &[1; 16])), Code::UnwrapFailed);
    assert_eq!(code(open_share(&mut rng, &released, &asking.pair, (app, anna), 3)), Code::UnwrapFailed);
}

/// The application gives its share for a receipt of its key server only; the key server takes a backup for a proof of the identity only.
#[test]
fn b7_neither_man_acts_for_the_other() {
    let mut rng = seeded("b7 receipts");
    let scene = Scene::new(&mut rng);
    let (server, evil) = (&scene.server, Person::key_server(&mut rng));
    let (app, anna) = (&scene.anna.app, scene.user());
    let receipt = |by: &Person, user: &UserId, end| {
        Receipt::sign(app, user, [1; 16], end, (&by.hash(), &by.signing_key())).unwrap().to_bytes()
    };
    let check = |bytes: &[u8], now| Receipt::verify(bytes, &server.identity(), anna, now, Minimum::default());
    assert!(check(&receipt(server, anna, 100), 99).is_ok());
    assert_eq!(code(check(&receipt(server, anna, 100), 100)), Code::OtpExpired);
    assert_eq!(code(check(&receipt(&evil, anna, 100), 0)), Code::BadSignature);
    assert_eq!(code(check(&receipt(&scene.anna, anna, 100), 0)), Code::BadSignature);
    let in_its_name = Receipt::sign(app, anna, [1; 16], 100, (&server.hash(), &evil.signing_key())).unwrap();
    assert_eq!(code(check(&in_its_name.to_bytes(), 0)), Code::BadSignature);
    assert_eq!(code(check(&receipt(server, &UserId::new("eve").unwrap(), 100), 0)), Code::KeyMismatch);

    let proof = |by: &Person, recovery, backup: &[u8]| {
        RecoveryProof::sign(recovery, backup, (&by.hash(), &by.signing_key())).unwrap().to_bytes()
    };
    let check =
        |bytes: &[u8]| RecoveryProof::verify(bytes, &[1; 16], b"new", &scene.anna.identity(), Minimum::default());
    assert!(check(&proof(&scene.anna, [1; 16], b"new")).is_ok());
    assert_eq!(code(check(&proof(&scene.anna, [2; 16], b"new"))), Code::KeyMismatch);
    assert_eq!(code(check(&proof(&scene.anna, [1; 16], b"old"))), Code::KeyMismatch);
    assert_eq!(code(check(&proof(server, [1; 16], b"new"))), Code::BadSignature);
    let in_her_name = RecoveryProof::sign([1; 16], b"new", (&scene.anna.hash(), &evil.signing_key())).unwrap();
    assert_eq!(code(check(&in_her_name.to_bytes())), Code::BadSignature);
}
