//! Who belongs, and who says so.

use wardkey::{
    error::{Code, Error, Result},
    group::{Created, Epochs, Lifetimes, Log, Made, Member, Name, Role, create},
    identity::UserId,
    key_pair::PublicKey,
    party::Party,
    session::{Hand, Recipients, Signer, Signers},
    signed::Hash,
};

use super::{DAY, FIRST, Server, Ward, admin, fields_of, member, operation, party};
use crate::common::{
    cbor::{self, Array, Raw, Uint},
    code,
    craft::objects::Draft,
    people::{Person, app, directory},
};

/// G1: the server inserts Mallory, by whatever hand it has.
#[test]
fn g1_only_admins_add() {
    let (mut ward, directory) = Ward::new("g1");
    let Ward { rng, alice, bob, mallory, server, .. } = &mut ward;
    server.rotate(rng, alice, &directory).unwrap();
    let log = server.read(&directory).unwrap();
    let epochs = server.open(alice, &directory).unwrap();
    for by in [&*bob, mallory] {
        assert_eq!(code(log.add(&by.hand(), &[member(mallory)], &epochs, &directory)), Code::Forbidden);
        let forged = operation(&log, by, vec![Uint(1), Array(vec![Array(vec![party(mallory), Uint(1)])])]);
        assert_eq!(code(log.clone().extend(&[&forged], &directory, FIRST)), Code::Forbidden);
        // In the admin's name.
        let mut fields = fields_of(&log, alice, vec![Uint(1), Array(vec![Array(vec![party(mallory), Uint(1)])])]);
        fields[4] = cbor::bytes(alice.signer.bundle.0);
        let forged = Draft::new("wardkey/v1/operation", fields, by.seed());
        assert_eq!(code(log.clone().extend(&[&Array(forged.items()).encode()], &directory, FIRST)), Code::BadSignature);
    }
    let made = log.add(&alice.hand(), &[member(mallory)], &epochs, &directory).unwrap();
    let good = made.operation;
    // Replayed, it doesn't follow any more; of another place, neither.
    let mut after = made.log.clone();
    assert_eq!(code(after.extend(&[&good], &directory, FIRST)), Code::BadSignature);
    assert_eq!(after.operations(), 2);
}

/// G3: what is shorter than what was seen, and what is another.
#[test]
fn g3_rollback_and_fork() {
    let (mut ward, directory) = Ward::new("g3");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    let early = server.read(&directory).unwrap();
    server.remove(rng, alice, &[bob], &directory).unwrap();
    let seen = server.read(&directory).unwrap().head();
    assert_eq!(code(early.check_view(&seen)), Code::Rollback);
    // Another history from there on.
    server.operations.truncate(1);
    server.rotate(rng, alice, &directory).unwrap();
    let other = server.read(&directory).unwrap();
    assert_eq!(code(other.check_view(&seen)), Code::Fork);
    assert_eq!(other.check_view(&other.head()), Ok(()));
}

/// G5: roles.
#[test]
fn g5_roles() {
    let (mut ward, directory) = Ward::new("g5");
    let Ward { rng, alice, bob, carol, mallory, server } = &mut ward;
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    // A nurse removes an admin, makes herself one, begins an epoch.
    for result in [
        server.remove(rng, bob, &[alice], &directory),
        server.give_roles(rng, bob, &[admin(bob)], &directory),
        server.rotate(rng, bob, &directory),
        // The last admin goes, or is no longer one.
        server.remove(rng, alice, &[alice], &directory),
        server.give_roles(rng, alice, &[member(alice)], &directory),
        // Nothing that can be done.
        server.give_roles(rng, alice, &[admin(alice)], &directory),
        server.give_roles(rng, alice, &[admin(mallory)], &directory),
        server.remove(rng, alice, &[mallory], &directory),
        server.add(rng, alice, &[admin(bob)], &directory),
    ] {
        assert_eq!(code(result), Code::Forbidden);
    }
    assert_eq!(server.operations.len(), 1);
    // Who goes would know the secret of the epoch that he begins.
    let mut two = Server {
        operations: server.operations.clone(),
        genesis: server.genesis.clone(),
        keys: server.keys.clone(),
        id: server.id,
    };
    two.give_roles(rng, alice, &[admin(bob)], &directory).unwrap();
    assert_eq!(code(two.remove(rng, alice, &[alice], &directory)), Code::Forbidden);
    assert_eq!(code(two.remove(rng, alice, &[alice, carol], &directory)), Code::Forbidden);
    two.remove(rng, bob, &[alice, carol], &directory).unwrap();
    server.give_roles(rng, alice, &[admin(bob), member(alice)], &directory).unwrap();
    assert_eq!(code(server.rotate(rng, alice, &directory)), Code::Forbidden);
    server.remove(rng, bob, &[alice, carol], &directory).unwrap();
    let log = server.read(&directory).unwrap();
    assert_eq!(log.members().count(), 1);
    assert_eq!(code(server.remove(rng, bob, &[bob], &directory)), Code::Forbidden);
    // A namesake with another identity belongs no more than once.
    let namesake = Person::new(rng, "bob");
    let forged = operation(&log, bob, vec![Uint(1), Array(vec![Array(vec![party(&namesake), Uint(0)])])]);
    assert_eq!(code(log.clone().extend(&[&forged], &directory, FIRST)), Code::Forbidden);
    assert_eq!(log.member(bob.name.as_ref().unwrap()).unwrap().party, bob.party());
    assert_eq!(log.member(alice.name.as_ref().unwrap()), None);
}

#[test]
fn arguments() {
    let (mut ward, directory) = Ward::new("arguments");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    let log = server.read(&directory).unwrap();
    let epochs = server.open(alice, &directory).unwrap();
    let twice = [member(carol), admin(carol)];
    assert_eq!(code(log.add(&alice.hand(), &twice, &epochs, &directory)), Code::InvalidArgument);
    assert_eq!(code(log.add(&alice.hand(), &[], &epochs, &directory)), Code::InvalidArgument);
    let group = Member { party: Party::Group(Hash([1; 32])), role: Role::Member };
    assert_eq!(code(log.add(&alice.hand(), &[group], &epochs, &directory)), Code::InvalidArgument);
    assert_eq!(code(log.remove(rng, &alice.hand(), &[], Some(&epochs), &directory)), Code::InvalidArgument);
    let other_hand = Hand { signer: &alice.signer, ..bob.hand() };
    assert_eq!(code(log.give_roles(&other_hand, &[admin(bob)])), Code::KeyMismatch);
    for name in ["", "a\u{7}b", &"x".repeat(129)] {
        assert_eq!(code(Name::new(name)), Code::InvalidArgument, "{name:?}");
    }
    assert!(Name::new("Station 3 → OP, 24 h").is_ok());
    for (hours, days) in [(0, 7), (2161, 7), (24, 0), (24, 91)] {
        assert_eq!(code(Lifetimes::new(hours, days)), Code::InvalidArgument);
    }
    let unknown = Person::new(rng, "unknown");
    assert_eq!(code(log.add(&alice.hand(), &[member(&unknown)], &epochs, &directory)), Code::UnknownUser);
}

/// Has a key for everybody.
struct Anyone(PublicKey);

impl Signers for Anyone {
    fn signer(&self, _: &Hash) -> Result<Signer> {
        Err(Error::new(&(Code::BadSignature, "not here")))
    }

    fn group(&self, _: &Hash) -> Result<&Log> {
        Err(Error::new(&(Code::UnknownGroup, "not here")))
    }
}

impl Recipients for Anyone {
    fn key_for(&self, _: &Party) -> Result<&PublicKey> {
        Ok(&self.0)
    }
}

#[test]
fn ten_thousand_members() {
    let (mut ward, directory) = Ward::new("many");
    let Ward { rng, alice, bob, .. } = &mut ward;
    let anyone = Anyone(PublicKey::from_bytes(bob.pair().public_key().as_bytes()).unwrap());
    let named = |number: usize| Member {
        party: Party::User { id: UserId::new(&number.to_string()).unwrap(), identity: Hash([1; 32]) },
        role: Role::Member,
    };
    let members: Vec<_> = (0..10_000).map(named).collect();
    let about = || (Name::new("Ward 7").unwrap(), Lifetimes::default());
    assert_eq!(code(create(rng, &alice.hand(), &app(), about(), &members, &anyone)), Code::Limit);
    let Created { log, secret, .. } = create(rng, &alice.hand(), &app(), about(), &members[1..], &anyone).unwrap();
    assert_eq!(log.members().count(), 10_000);
    let epochs = Epochs::open(&log, secret).unwrap();
    assert_eq!(code(log.add(&alice.hand(), &members[..1], &epochs, &anyone)), Code::Limit);
    let one = Array(vec![Raw(members[0].party.to_bytes()), Uint(0)]);
    let forged = operation(&log, alice, vec![Uint(1), Array(vec![one])]);
    assert_eq!(code(log.clone().extend(&[&forged], &directory, FIRST)), Code::Forbidden);
    // One goes, one comes.
    let gone = [members[9_999].party.clone()];
    let Made { log, secret, .. } = log.remove(rng, &alice.hand(), &gone, Some(&epochs), &anyone).unwrap();
    let epochs = Epochs::open(&log, secret.unwrap()).unwrap();
    assert_eq!(log.add(&alice.hand(), &members[..1], &epochs, &anyone).unwrap().log.members().count(), 10_000);
}

#[test]
fn renewed_signers() {
    let (mut ward, _) = Ward::new("renewed");
    let mut dora = Person::new(&mut ward.rng, "dora");
    let before = dora.signer.clone();
    let known = directory([&ward.alice, &ward.bob, &ward.carol, &dora]);
    let mut server = Server::found(&mut ward.rng, &dora, &[member(&ward.bob)], &known);
    dora.renew(&mut ward.rng);
    let known = directory([&ward.alice, &ward.bob, &ward.carol, &dora]);
    server.add(&mut ward.rng, &dora, &[member(&ward.carol)], &known).unwrap();
    let log = server.read(&known).unwrap();
    let mut fields = fields_of(&log, &dora, vec![Uint(1), Array(vec![Array(vec![party(&ward.alice), Uint(0)])])]);
    fields[4] = cbor::bytes(before.bundle.0);
    let older = Draft::new("wardkey/v1/operation", fields, dora.signing[1].seed().expose());
    assert_eq!(
        code(log.clone().extend(&[&Array(older.items()).encode()], &known, FIRST)),
        Code::Rollback,
        "an older bundle than before"
    );
    assert_eq!(server.open(&dora, &known).unwrap().iter().count(), 1, "by the key that it was wrapped for");
}

/// What was verified once is replayed without signatures, and is the same.
#[test]
fn kept_and_restored() {
    let (mut ward, directory) = Ward::new("kept");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    server.add(rng, alice, &[admin(carol)], &directory).unwrap();
    server.remove(rng, carol, &[bob], &directory).unwrap();
    let log = server.read(&directory).unwrap();
    let payloads: Vec<_> = log.payloads().collect();
    let restored = Log::restore(&payloads, log.signers()).unwrap();
    assert_eq!(restored.head(), log.head());
    assert!(restored.members().eq(log.members()));
    assert_eq!(restored.epochs(), log.epochs());
    assert_eq!(code(Log::restore(&payloads, &log.signers()[..1])), Code::BadSignature);
    assert_eq!(code(Log::restore(&[], log.signers())), Code::BadSignature);
    let kept = log.to_kept();
    assert_eq!(Log::from_kept(log.app_id(), log.id(), &kept).unwrap().to_kept(), kept);
    let other = Hash([7; 32]);
    assert_eq!(code(Log::from_kept(log.app_id(), &other, &kept)), Code::KeyMismatch);
    assert_eq!(code(Log::from_kept(log.app_id(), log.id(), &[kept.as_slice(), &[0]].concat())), Code::InvalidFormat);
    assert_eq!(code(Log::restore(&[payloads[0], payloads[2]], log.signers())), Code::BadSignature);
}

#[test]
fn a_group_with_lifetimes_of_its_own() {
    let (mut ward, directory) = Ward::new("lifetimes");
    let about = (Name::new("Weekend ward").unwrap(), Lifetimes::new(2160, 90).unwrap());
    let Created { genesis, log, .. } =
        create(&mut ward.rng, &ward.alice.hand(), &app(), about, &[], &directory).unwrap();
    let log = Log::begin(&app(), log.id(), &genesis, &directory, FIRST).unwrap();
    assert_eq!((log.lifetimes().head_ms(), log.lifetimes().admin_ms()), (90 * DAY, 90 * DAY));
    assert_eq!(log.members().collect::<Vec<_>>(), [(&ward.alice.party(), Role::Admin)]);
}
