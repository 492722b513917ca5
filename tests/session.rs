//! A session from its creation on: who reads, who writes, what is kept.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use common::{
    code,
    craft::system,
    keys::{Pair, signing_key},
    people::{Person, app, directory},
    rng::{Seeded, seeded},
};
use sha2::{Digest, Sha256};
use wardkey::{
    data_key::DataKey,
    encoding::Context,
    error::{Code, Result},
    key_pair::Suite,
    message::{self, Batch, Body, Leaf, Opener, Padding, verify_author},
    party::Party,
    session::{Created, Directory, Grant, Hand, Keys, Log, Made, Rights, Session, create},
    signed::{Hash, Minimum},
};

const FIRST: Minimum = Minimum(1);

/// What a key server has of a session, with all bodies.
struct Server {
    genesis: Vec<u8>,
    entries: Vec<Vec<u8>>,
    /// With the sequences of their entries.
    wraps: Vec<(usize, Vec<u8>)>,
    id: Hash,
}

fn refs(objects: &[Vec<u8>]) -> Vec<&[u8]> {
    objects.iter().map(Vec::as_slice).collect()
}

impl Server {
    fn take(&mut self, made: Made) -> Session {
        self.entries.push(made.entry);
        self.wraps.extend(made.wraps.map(|wraps| (self.entries.len(), wraps)));
        made.session
    }

    fn read(&self, directory: &Directory) -> Result<Session> {
        let wraps: Vec<_> = self.wraps.iter().map(|(_, wraps)| wraps.as_slice()).collect();
        Session::read(&app(), &self.id, &self.genesis, &refs(&self.entries), &wraps, directory, FIRST)
    }

    fn extend(&self, session: &mut Session, directory: &Directory) -> Result<()> {
        let after = session.log().entries();
        let wraps: Vec<_> =
            self.wraps.iter().filter(|(at, _)| *at > after).map(|(_, wraps)| wraps.as_slice()).collect();
        session.extend(&refs(&self.entries[after..]), &wraps, directory, FIRST)
    }
}

fn grant(person: &Person, rights: Rights) -> Grant {
    Grant { party: person.party(), rights }
}

fn created(rng: &mut Seeded, by: &Person, grants: &[Grant], directory: &Directory) -> (Server, Session, DataKey) {
    let Created { genesis, key, mut session } = create(rng, &by.hand(), &app(), grants).unwrap();
    let wraps = session.wrap_genesis(rng, &by.hand(), &key, directory).unwrap();
    let id = *session.log().id();
    (Server { genesis, entries: Vec::new(), wraps: vec![(0, wraps)], id }, session, key)
}

fn open(session: &Session, person: &Person) -> Result<Keys> {
    let pairs: Vec<_> = person.pairs.iter().map(|pair| &pair.pair).collect();
    session.open(&mut system(), &[person.party()], &pairs)
}

fn write(rng: &mut Seeded, session: &Session, keys: &Keys, by: &Person, data: &[u8]) -> Result<Vec<u8>> {
    let items = [(data, &Context::default())];
    session
        .seal(rng, &by.hand(), (true, Padding::None), keys, &items, &Directory::default())
        .map(|mut sealed| sealed.remove(0))
}

fn read(session: &Session, keys: &Keys, message: &[u8], directory: &Directory) -> Result<(Vec<u8>, Option<Hash>)> {
    let opened = session.open_message(keys, message, &Context::default(), directory, FIRST)?;
    Ok((opened.data, opened.author.map(|author| author.bundle)))
}

fn keys_of(session: &Session, key: DataKey) -> Keys {
    session.keys_from(session.log().newest_generation(), key).unwrap()
}

#[test]
fn a_session_from_beginning_to_end() {
    let mut rng = seeded("session");
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| Person::new(&mut rng, name));
    let known = directory([&alice, &bob, &carol]);
    let grants = [grant(&alice, Rights::MANAGE), grant(&bob, Rights::READ)];
    let (mut server, session, key) = created(&mut rng, &alice, &grants, &known);

    // Bob reads what Alice wrote, and writes.
    let mine = keys_of(&session, key);
    let first = write(&mut rng, &session, &mine, &alice, b"first").unwrap();
    let bobs = server.read(&known).unwrap();
    let bobs_keys = open(&bobs, &bob).unwrap();
    assert_eq!(read(&bobs, &bobs_keys, &first, &known).unwrap(), (b"first".to_vec(), Some(alice.signer.bundle)));
    let reply = write(&mut rng, &bobs, &bobs_keys, &bob, b"reply").unwrap();
    assert_eq!(read(&session, &mine, &reply, &known).unwrap(), (b"reply".to_vec(), Some(bob.signer.bundle)));
    // Carol doesn't.
    assert_eq!(code(open(&bobs, &carol)), Code::NotARecipient);
    assert_eq!(code(bobs.author(&carol.signer, &Directory::default())), Code::Forbidden);
    // Bob gives nothing on.
    let made = bobs.grant(&mut rng, &bob.hand(), &[grant(&carol, Rights::READ)], mine.of(0).unwrap(), &known);
    assert_eq!(code(made), Code::Forbidden);

    // Alice gives Carol, with Bob a second time: he has a stanza.
    let to = [grant(&carol, Rights::READ), grant(&bob, Rights::READ), grant(&bob, Rights::FORWARD)];
    let made = session.grant(&mut rng, &alice.hand(), &to, mine.of(0).unwrap(), &known).unwrap();
    let session = server.take(made);
    assert_eq!(session.wrapped_by(1).cloned().collect::<Vec<_>>(), [carol.party()]);
    let carols = server.read(&known).unwrap();
    let carols_keys = open(&carols, &carol).unwrap();
    assert_eq!(read(&carols, &carols_keys, &first, &known).unwrap().0, b"first");
    // A grant of what is no key has no wraps.
    let made = session.grant(&mut rng, &alice.hand(), &[grant(&bob, Rights::REVOKE)], mine.of(0).unwrap(), &known);
    assert!(made.unwrap().wraps.is_none());

    // Bob is revoked. Who had read the session before is told by extending it.
    let session =
        server.take(session.revoke(&alice.hand(), &[bob.party(), bob.party()], &Directory::default()).unwrap());
    assert!(session.is_due(&Directory::default()).unwrap());
    assert_eq!(code(write(&mut rng, &session, &mine, &alice, b"x")), Code::Stale);
    let mut later = bobs.clone();
    server.extend(&mut later, &known).unwrap();
    assert_eq!(code(open(&later, &bob)), Code::Revoked);
    later.log().check_follows(bobs.log()).unwrap();
    assert_eq!(code(bobs.log().check_follows(later.log())), Code::Rollback);

    // A new generation; one stanza opens it and what came before.
    let (made, newest) = session.rotate(&mut rng, &alice.hand(), mine.of(0).unwrap(), &known).unwrap();
    let session = server.take(made);
    assert_eq!((session.is_due(&Directory::default()).unwrap(), session.log().newest_generation()), (false, 1));
    let mine = keys_of(&session, newest);
    let second = write(&mut rng, &session, &mine, &alice, b"second").unwrap();
    assert!(carols.lacks(&second, &Directory::default()) && !carols.lacks(&first, &Directory::default()));
    assert_eq!(code(read(&carols, &carols_keys, &second, &known)), Code::NotARecipient);
    let mut carols = carols;
    server.extend(&mut carols, &known).unwrap();
    let carols_keys = open(&carols, &carol).unwrap();
    for (message, data) in [(&first, "first"), (&reply, "reply"), (&second, "second")] {
        assert_eq!(read(&carols, &carols_keys, message, &known).unwrap().0, data.as_bytes());
    }
    let ids: Vec<_> = carols.key_ids().copied().collect();
    assert_eq!(ids, [0, 1].map(|generation| carols_keys.of(generation).unwrap().id()));

    // What extending gave is what reading gives.
    assert_eq!(carols.to_kept(), server.read(&known).unwrap().to_kept());
    let holdings: Vec<_> =
        carols.log().holdings().map(|one| (one.party.clone(), one.rights, one.added_by.bundle)).collect();
    let by = alice.signer.bundle;
    assert_eq!(holdings, [(alice.party(), Rights::MANAGE, by), (carol.party(), Rights::READ, by)]);

    // The end.
    let session = server.take(session.revoke_all(&alice.hand(), &Directory::default()).unwrap());
    assert!(session.log().has_ended());
    assert!(session.is_due(&Directory::default()).unwrap());
    assert_eq!(code(session.rotate(&mut rng, &alice.hand(), mine.of(1).unwrap(), &known)), Code::Forbidden);
    assert_eq!(code(open(&server.read(&known).unwrap(), &alice)), Code::Revoked);
}

#[test]
fn what_is_kept_goes_on() {
    let mut rng = seeded("session kept");
    let [mut alice, bob] = ["alice", "bob"].map(|name| Person::new(&mut rng, name));
    let known = directory([&alice, &bob]);
    let grants = [grant(&alice, Rights::MANAGE), grant(&bob, Rights::READ)];
    let (mut server, session, key) = created(&mut rng, &alice, &grants, &known);
    let mine = keys_of(&session, key);
    let (made, newest) = session.rotate(&mut rng, &alice.hand(), mine.of(0).unwrap(), &known).unwrap();
    server.take(made);
    let whole = server.read(&known).unwrap();
    let kept = whole.to_kept();
    let bobs_keys = open(&whole, &bob).unwrap();

    let restored = Session::from_kept(&app(), &server.id, &kept).unwrap();
    assert_eq!(restored.to_kept(), kept);
    assert_eq!(restored.log().head(), whole.log().head());
    for (generation, key) in bobs_keys.iter() {
        restored.check_key(generation, key).unwrap();
    }
    assert_eq!(code(restored.check_key(0, bobs_keys.of(1).unwrap())), Code::KeyMismatch);
    // Signers are known without a directory.
    let message = write(&mut rng, &restored, &bobs_keys, &alice, b"kept").unwrap();
    assert_eq!(read(&restored, &bobs_keys, &message, &Directory::default()).unwrap().0, b"kept");
    // Without its bodies it opens nothing by itself.
    assert_eq!(code(open(&restored, &bob)), Code::BadSignature);

    // Alice renews her keys and goes on; who kept the session takes what is new.
    alice.renew(&mut rng);
    let known = directory([&alice, &bob]);
    let session = Session::from_kept(&app(), &server.id, &kept).unwrap();
    let (made, third) = session.rotate(&mut rng, &alice.hand(), &newest, &known).unwrap();
    server.take(made);
    let mut restored = restored;
    server.extend(&mut restored, &known).unwrap();
    let mut keys = open(&restored, &bob).unwrap();
    assert_eq!(keys.iter().map(|(generation, _)| generation).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(keys.of(2).unwrap().id(), third.id());
    for (generation, key) in bobs_keys.iter().filter(|(generation, _)| *generation == 0) {
        keys.insert(generation, DataKey::from_slice(key.dangerously_expose().expose()).unwrap());
    }
    assert_eq!(keys.iter().count(), 3);
    // Alice's stanza of generation 1 is for her old key; she has both.
    assert!(open(&server.read(&known).unwrap(), &alice).is_ok());

    // Any change of what is kept is seen, or is another session.
    for place in 0..kept.len() {
        let mut changed = kept.clone();
        changed[place] ^= 1;
        if let Ok(session) = Session::from_kept(&app(), &server.id, &changed) {
            assert_eq!(session.to_kept(), changed);
        }
    }
    for len in 0..kept.len() {
        assert!(Session::from_kept(&app(), &server.id, &kept[..len]).is_err());
    }
    assert_eq!(code(Session::from_kept(&app(), &Hash([1; 32]), &kept)), Code::KeyMismatch);
}

#[test]
fn the_outbox_sends_later() {
    let mut rng = seeded("session outbox");
    let [alice, bob] = ["alice", "bob"].map(|name| Person::new(&mut rng, name));
    let known = directory([&alice, &bob]);
    let grants = [grant(&alice, Rights::MANAGE), grant(&bob, Rights::READ)];
    let Created { genesis, key, session } = create(&mut rng, &alice.hand(), &app(), &grants).unwrap();
    let id = *session.log().id();
    let message = write(
        &mut rng,
        &session,
        &keys_of(&session, DataKey::from_slice(key.dangerously_expose().expose()).unwrap()),
        &alice,
        b"offline",
    )
    .unwrap();
    // After a reload.
    let log = Log::begin(&app(), &id, &genesis, &known, FIRST).unwrap();
    let other = DataKey::generate(&mut rng).unwrap();
    assert_eq!(code(Session::unsent(log.clone(), &other)), Code::KeyMismatch);
    let mut session = Session::unsent(log, &key).unwrap();
    let wraps = session.wrap_genesis(&mut rng, &alice.hand(), &key, &known).unwrap();
    let server = Server { genesis, entries: Vec::new(), wraps: vec![(0, wraps)], id };
    let bobs = server.read(&known).unwrap();
    assert_eq!(bobs.to_kept(), session.to_kept());
    assert_eq!(read(&bobs, &open(&bobs, &bob).unwrap(), &message, &known).unwrap().0, b"offline");
}

#[test]
fn the_outbox_sends_after_a_renewal() {
    let mut rng = seeded("session outbox renewal");
    let [mut alice, bob, carol] = ["alice", "bob", "carol"].map(|name| Person::new(&mut rng, name));
    let grants = [grant(&alice, Rights::MANAGE), grant(&bob, Rights::READ)];
    let Created { genesis, key, mut session } = create(&mut rng, &alice.hand(), &app(), &grants).unwrap();
    let id = *session.log().id();
    let (old, message) = (alice.signer.clone(), {
        let key = DataKey::from_slice(key.dangerously_expose().expose()).unwrap();
        write(&mut rng, &session, &keys_of(&session, key), &alice, b"before").unwrap()
    });
    alice.renew(&mut rng);
    let known = directory([&alice, &bob, &carol]);
    let hand = alice.hand();
    let wraps = session.wrap_genesis(&mut rng, &hand, &key, &known).unwrap();
    let mut server = Server { genesis, entries: Vec::new(), wraps: vec![(0, wraps)], id };
    let bobs = server.read(&known).unwrap();
    let opened = read(&bobs, &open(&bobs, &bob).unwrap(), &message, &known).unwrap();
    assert_eq!(opened, (b"before".to_vec(), Some(old.bundle)));
    assert!(open(&bobs, &alice).is_ok());
    assert_eq!(bobs.to_kept(), session.to_kept());
    // Who doesn't know of the renewal yet takes the identity that comes with the session; without it, it's nobody's bundle.
    let earlier = Person { bundles: alice.bundles[..1].to_vec(), ..Person::new(&mut rng, "alice") };
    assert_eq!(code(server.read(&directory([&earlier, &bob]))), Code::BadSignature);

    // Nobody else, and no earlier bundle.
    let by_carol = session.wrap_genesis(&mut rng, &carol.hand(), &key, &known).unwrap();
    server.wraps = vec![(0, by_carol)];
    assert_eq!(code(server.read(&known)), Code::BadSignature);
    let Created { genesis, key, mut session } = create(&mut rng, &alice.hand(), &app(), &grants).unwrap();
    let earlier_hand = Hand { signer: &old, key: &alice.signing[1], now: 0 };
    let wraps = session.wrap_genesis(&mut rng, &earlier_hand, &key, &known).unwrap();
    let server = Server { genesis, entries: Vec::new(), wraps: vec![(0, wraps)], id: *session.log().id() };
    assert_eq!(code(server.read(&known)), Code::BadSignature);
}

#[test]
fn placeholders_and_groups_have_their_place() {
    let mut rng = seeded("session places");
    let (alice, escrow) = (Person::new(&mut rng, "alice"), Person::key_server(&mut rng));
    let known = directory([&alice, &escrow]);
    let name = wardkey::identity::UserId::new("rehab").unwrap();
    let placeholder = Party::Placeholder { name, escrow: escrow.signer.identity, contact: None };
    let grants = [grant(&alice, Rights::MANAGE), Grant { party: placeholder.clone(), rights: Rights::READ }];
    let (server, session, _) = created(&mut rng, &alice, &grants, &known);
    let whole = server.read(&known).unwrap();
    // The key server opens what waits in escrow.
    assert!(whole.open(&mut system(), &[placeholder], &[escrow.pair()]).is_ok());
    assert!(!session.is_due(&Directory::default()).unwrap());
    // Another key server than the one named.
    let other = directory([&alice, &Person::key_server(&mut rng)]);
    let Created { key, mut session, .. } = create(&mut rng, &alice.hand(), &app(), &grants).unwrap();
    assert_eq!(code(session.wrap_genesis(&mut rng, &alice.hand(), &key, &other)), Code::PinMismatch);
    // Nothing is wrapped for a group yet.
    let grants = [grant(&alice, Rights::MANAGE), Grant { party: Party::Group(Hash([7; 32])), rights: Rights::READ }];
    let Created { key, mut session, .. } = create(&mut rng, &alice.hand(), &app(), &grants).unwrap();
    assert_eq!(code(session.wrap_genesis(&mut rng, &alice.hand(), &key, &known)), Code::UnknownGroup);
    assert!(!session.is_due(&Directory::default()).unwrap());
    // The key server creates nothing, and an unknown user gets nothing.
    assert_eq!(code(create(&mut rng, &escrow.hand(), &app(), &grants)), Code::Forbidden);
    let stranger = Person::new(&mut rng, "stranger");
    let Created { key, mut session, .. } =
        create(&mut rng, &alice.hand(), &app(), &[grant(&stranger, Rights::READ)]).unwrap();
    assert_eq!(code(session.wrap_genesis(&mut rng, &alice.hand(), &key, &known)), Code::UnknownUser);
    // Nor does somebody else of the same name.
    let impostor = directory([&alice, &Person::new(&mut rng, "stranger")]);
    assert_eq!(code(session.wrap_genesis(&mut rng, &alice.hand(), &key, &impostor)), Code::PinMismatch);
}

#[test]
fn what_is_asked_for_wrongly() {
    let mut rng = seeded("session arguments");
    let [alice, bob] = ["alice", "bob"].map(|name| Person::new(&mut rng, name));
    let known = directory([&alice, &bob]);
    let make = |rng: &mut Seeded, grants: &[Grant]| create(rng, &alice.hand(), &app(), grants);
    assert_eq!(code(make(&mut rng, &[])), Code::InvalidArgument);
    assert_eq!(code(make(&mut rng, &[grant(&alice, Rights::FORWARD)])), Code::InvalidArgument);
    assert_eq!(code(make(&mut rng, &[grant(&alice, Rights::NONE)])), Code::InvalidArgument);
    let many = |count: u32| -> Vec<Grant> {
        let user = |n: u32| wardkey::identity::UserId::new(&format!("user {n}")).unwrap();
        let party = |n| Party::User { id: user(n), identity: Hash([1; 32]) };
        (0..count).map(|n| Grant { party: party(n), rights: Rights::READ }).collect()
    };
    assert_eq!(code(make(&mut rng, &many(10_001))), Code::Limit);
    assert!(make(&mut rng, &many(10_000)).is_ok());
    let (_, session, key) = created(&mut rng, &alice, &[grant(&alice, Rights::MANAGE)], &known);
    assert_eq!(code(session.revoke(&alice.hand(), &[], &Directory::default())), Code::InvalidArgument);
    assert_eq!(code(session.revoke(&alice.hand(), &[bob.party()], &Directory::default())), Code::Forbidden);
    // Another key than the newest, another hand than the bundle's.
    let other = DataKey::generate(&mut rng).unwrap();
    assert_eq!(code(session.rotate(&mut rng, &alice.hand(), &other, &known)), Code::KeyMismatch);
    let to_bob = [grant(&bob, Rights::READ)];
    assert_eq!(code(session.grant(&mut rng, &alice.hand(), &to_bob, &other, &known)), Code::KeyMismatch);
    let forger = signing_key(&mut rng);
    let hand = Hand { key: &forger, ..alice.hand() };
    assert_eq!(code(session.grant(&mut rng, &hand, &to_bob, &key, &known)), Code::KeyMismatch);
}

#[test]
fn recipients_with_rsa_keys() {
    let mut rng = seeded("session rsa");
    let signing = signing_key(&mut rng);
    let alice = Person::new(&mut rng, "alice");
    let bob = Person::with_pair(Some("bob"), Pair::rsa(Suite::Rsa3072), signing);
    let known = directory([&alice, &bob]);
    let grants = [grant(&alice, Rights::MANAGE), grant(&bob, Rights::READ)];
    let (server, session, key) = created(&mut rng, &alice, &grants, &known);
    let whole = server.read(&known).unwrap();
    assert_eq!(open(&whole, &bob).unwrap().of(0).unwrap().id(), key.id());
    assert_eq!(open(&whole, &alice).unwrap().of(0).unwrap().id(), key.id());
    drop(session);
}

/// The chunks and their hashes may be another engine's.
#[test]
fn a_long_message_in_parts() {
    let mut rng = seeded("session parts");
    let [alice, bob] = ["alice", "bob"].map(|name| Person::new(&mut rng, name));
    let known = directory([&alice, &bob]);
    let (_, session, key) = created(&mut rng, &alice, &[grant(&alice, Rights::MANAGE)], &known);
    let data = vec![7; 40_000];
    let author = session.author(&alice.signer, &Directory::default()).unwrap();
    for (padding, plaintext) in [(Padding::None, data.clone()), (Padding::Padme, Vec::new())] {
        let header = Some(author.header(0, 1));
        let (body, mut message) = Body::seal_for(&key, &mut rng, header, &Context::default(), padding).unwrap();
        let plaintext = if padding == Padding::None { plaintext } else { padded(&data) };
        let mut chunks = Vec::new();
        body.chunks().seal(0, &plaintext, &mut chunks).unwrap();
        let hashes: Vec<u8> = chunks.chunks(16_400).flat_map(Sha256::digest).collect();
        let leaf = Leaf::new(&message, &hashes);
        let mut batch = Batch::new(author, 1).unwrap();
        batch.add(&leaf);
        let trailer = batch.sign(&alice.signing[0]).unwrap().of(0);
        message.extend([chunks, trailer.clone()].concat());

        let keys = keys_of(&session, DataKey::from_slice(key.dangerously_expose().expose()).unwrap());
        let opened = session.open_message(&keys, &message, &Context::default(), &known, FIRST).unwrap();
        assert_eq!((opened.data, opened.author), (data.clone(), Some(alice.signer.clone())));
        // And opened elsewhere.
        let (body, start) = Body::open(&key, &message, &Context::default()).unwrap();
        assert_eq!(leaf, Leaf::new(&message[..start], &hashes));
        let verified = verify_author(body.header(), &leaf, &trailer, |_| Some(alice.signer.key.clone())).unwrap();
        assert_eq!(verified, author);
        session.check_author(0, &alice.signer, &verified, &Directory::default()).unwrap();
        let other = Leaf::new(&message[..start], &hashes[32..]);
        let refused = verify_author(body.header(), &other, &trailer, |_| Some(alice.signer.key.clone()));
        assert_eq!(code(refused), Code::BadSignature);
        assert_eq!(message::open(&key, &message, &Context::default()).unwrap(), data);
        assert!(Opener::start(&key, &message, &Context::default()).is_ok());
    }
}

fn padded(data: &[u8]) -> Vec<u8> {
    let mut plaintext = data.to_vec();
    plaintext.resize(message::padded_len(data.len() as u64).unwrap() as usize - 8, 0);
    plaintext.extend_from_slice(&(data.len() as u64).to_be_bytes());
    plaintext
}

#[test]
fn unsigned_messages_have_no_author() {
    let mut rng = seeded("session unsigned");
    let alice = Person::new(&mut rng, "alice");
    let known = directory([&alice]);
    let (_, session, key) = created(&mut rng, &alice, &[grant(&alice, Rights::MANAGE)], &known);
    let keys = keys_of(&session, key);
    let items = [(b"one".as_slice(), &Context::default()), (b"two".as_slice(), &Context::default())];
    for sign in [true, false] {
        let sealed = session
            .seal(&mut rng, &alice.hand(), (sign, Padding::Padme), &keys, &items, &Directory::default())
            .unwrap();
        for ((data, context), message) in items.iter().zip(&sealed) {
            let opened = session.open_message(&keys, message, context, &known, FIRST).unwrap();
            assert_eq!((opened.data.as_slice(), opened.author.is_some()), (*data, sign));
        }
    }
    // A message that isn't of this session, though its key is.
    let stray = message::seal(keys.of(0).unwrap(), &mut rng, b"x", &Context::default(), Padding::None).unwrap();
    assert_eq!(code(read(&session, &keys, &stray, &known)), Code::KeyMismatch);
    assert_eq!(
        session.open_message(&keys, &stray, &Context::default(), &known, Minimum(2)).unwrap_err().code(),
        Code::Downgrade
    );
}

/// A creator who doesn't read writes while generation 0 is the newest.
#[test]
fn a_creator_who_doesnt_read() {
    let mut rng = seeded("session creator");
    let [alice, bob] = ["alice", "bob"].map(|name| Person::new(&mut rng, name));
    let known = directory([&alice, &bob]);
    let (mut server, session, key) = created(&mut rng, &alice, &[grant(&bob, Rights::MANAGE)], &known);
    let mine = keys_of(&session, key);
    let message = write(&mut rng, &session, &mine, &alice, b"for Bob").unwrap();
    let bobs = server.read(&known).unwrap();
    let bobs_keys = open(&bobs, &bob).unwrap();
    assert_eq!(read(&bobs, &bobs_keys, &message, &known).unwrap(), (b"for Bob".to_vec(), Some(alice.signer.bundle)));
    assert_eq!(code(open(&bobs, &alice)), Code::NotARecipient);
    assert_eq!(code(session.rotate(&mut rng, &alice.hand(), mine.of(0).unwrap(), &known)), Code::Forbidden);
    let (made, _) = bobs.rotate(&mut rng, &bob.hand(), bobs_keys.of(0).unwrap(), &known).unwrap();
    server.take(made);
    let mut session = session;
    server.extend(&mut session, &known).unwrap();
    assert_eq!(code(write(&mut rng, &session, &mine, &alice, b"more")), Code::Forbidden);
}
