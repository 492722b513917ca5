//! Checks one entry of a vector file: everything in it is verified, and made again where that can be.

use wardkey::{
    account::{
        self, Contact, Opening, Presented, Receipt, RecoveryProof, Seen, State, TwoManShares, Which, accept,
        accept_off_line, check_login, login_salt, open_recovery_share, open_share, server_salt,
    },
    backup::{Owner, TwoMen},
    error::Result,
    identity::{
        self, AppId, Asked, Bundle, FirstUse, Met, Pin, Trust, UserId, check_compared, compare, group_number,
        safety_number,
    },
    journal::{self, Place, Proof, Reading, Subject},
    key_pair::Suite,
    party::{Email, Party},
    password::{Derivation, Kdf, Password},
    secret::{Secret, SecretBytes},
    signed::{Hash, Minimum},
};

use super::schema;
use crate::common::{
    craft::{
        objects::{signing_key, verify},
        system,
    },
    hex::{hex, unhex, unhex_array},
    keys::Pair,
};

fn app(text: &str) -> AppId {
    AppId::new(text).expect("an app id")
}

fn user(text: &str) -> UserId {
    UserId::new(text).expect("a user id")
}

pub(crate) fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn hash(text: &str) -> Hash {
    Hash(unhex_array(text))
}

fn all(texts: &[String]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| unhex(text)).collect()
}

fn minimum(text: &str) -> Minimum {
    Minimum(number(text))
}

fn pin(text: &str) -> Result<Pin> {
    Pin::from_bytes(&unhex(text))
}

fn opened_identity(row: &schema::Identity) -> Result<(identity::Identity, Met)> {
    let (name, wanted) = (row.user_id.as_deref().map(user), row.bundle_hash.as_deref().map(hash));
    let asked = match (&wanted, &name) {
        (Some(wanted), _) => Asked::Bundle(wanted),
        (None, Some(name)) => Asked::User(name),
        (None, None) => Asked::KeyServer,
    };
    let identity = verify(&all(&row.bundles), &app(&row.app_id), asked, minimum(&row.minimum))?;
    let pinned = row.pin.as_deref().map(pin).transpose()?;
    let anchor = row.anchor.as_deref().map(hash);
    let first_use = if row.reject { FirstUse::Reject } else { FirstUse::Pin };
    let met = compare(&identity, pinned.as_ref(), anchor.as_ref(), first_use)?;
    Ok((identity, met))
}

pub(crate) fn identity(row: &schema::Identity) {
    let name = &row.name;
    let (identity, met) = opened_identity(row).expect(name);
    let found = row.found.as_ref().expect(name);
    assert_eq!(identity.user_id().map(UserId::as_str), found.user_id.as_deref(), "{name}");
    let hashes: Vec<_> = identity.bundles().iter().map(|bundle| hex(bundle.hash().0)).collect();
    assert_eq!(hashes, found.hashes, "{name}");
    assert_eq!(hex(identity.fingerprint().0), found.hashes[0], "{name}");
    let raised = Pin::of(&identity);
    assert_eq!(hex(raised.to_bytes()), found.pin, "{name}");
    let before = row.pin.as_deref().map(|text| pin(text).expect(name));
    let expected = match before {
        None => Met::First,
        Some(before) if before.hash() == raised.hash() => Met::Known,
        Some(before) => Met::Renewed { from: *before.hash(), to: *raised.hash() },
    };
    assert_eq!(met, expected, "{name}");

    // The newest bundle, made again.
    let suite = Suite::from_name(&found.suite).expect(name);
    let pair = Pair::read(suite, &unhex(&found.private));
    let key = signing_key(&unhex_array(&found.seed));
    let made = match &found.old_seed {
        None => Bundle::first(identity.app_id(), identity.user_id(), pair.pair.public_key(), &key),
        Some(old) => {
            let mut before = all(&row.bundles);
            before.pop();
            let asked = identity.user_id().map_or(Asked::KeyServer, Asked::User);
            let before = verify(&before, identity.app_id(), asked, Minimum::default()).expect(name);
            Bundle::renewal(&before, &signing_key(&unhex_array(old)), pair.pair.public_key(), &key)
        }
    };
    assert_eq!(Some(&hex(made.expect(name).to_bytes())), row.bundles.last(), "{name}");
    let bytes: Vec<_> = identity.bundles().iter().map(|bundle| hex(bundle.to_bytes())).collect();
    assert_eq!(bytes, row.bundles, "{name}");
}

pub(crate) fn try_identity(row: &schema::Identity) -> Result<()> {
    opened_identity(row).map(drop)
}

pub(crate) fn safety(row: &schema::SafetyNumber) {
    try_safety(row).expect(&row.name);
}

pub(crate) fn try_safety(row: &schema::SafetyNumber) -> Result<()> {
    let parties: Vec<_> = row.parties.iter().map(|text| Party::from_bytes(&unhex(text)).expect("a party")).collect();
    let made = match parties.as_slice() {
        [Party::Group(id)] => group_number(&app(&row.app_id), id),
        [a, b] => {
            let made = safety_number(&app(&row.app_id), a, b);
            assert_eq!(made, safety_number(&app(&row.app_id), b, a));
            made
        }
        _ => panic!("parties"),
    };
    assert_eq!(made, row.number, "{}", row.name);
    check_compared(&row.compared, &made, &hash(&row.fingerprint))
}

pub(crate) fn login(row: &schema::Login) {
    let (app, user, secret) = (app(&row.app_id), user(&row.user_id), Secret::from_slice(&unhex(&row.secret)));
    let salt = server_salt(&secret.expect("32 bytes"), &app, &user);
    assert_eq!(hex(salt), row.server_salt, "{}", row.name);
    assert_eq!(hex(login_salt(&app, &user, &salt)), row.salt, "{}", row.name);
    let derivation = check_login(&app, &user, Kdf::default(), &salt, Kdf::default(), &[]).expect(&row.name);
    assert_eq!(hex(derivation.salt()), row.salt, "{}", row.name);
}

fn read_state(text: &str, own: &str) -> Result<State> {
    State::from_bytes(&SecretBytes::new(unhex(text)), &user(own))
}

fn opened_state(row: &schema::State) -> Result<State> {
    let newer = read_state(&row.state, &row.user_id)?;
    match &row.older {
        None => Ok(newer),
        Some(older) => newer.merge(&read_state(older, &row.user_id)?),
    }
}

pub(crate) fn state(row: &schema::State) {
    let name = &row.name;
    let (state, found) = (opened_state(row).expect(name), row.found.as_ref().expect(name));
    assert_eq!(hex(state.to_bytes().expect(name).expose()), found.merged, "{name}");
    assert_eq!(hex(state.cache_key().expose()), found.cache_key, "{name}");
    assert_eq!(state.minimum(), minimum(&found.minimum), "{name}");
    let pins: Vec<_> = state.pins.users().iter().map(|(user, pin)| (user.to_string(), hex(pin.to_bytes()))).collect();
    assert_eq!(pins, found.pins, "{name}");
    for (id, sequence, head) in &found.groups {
        assert_eq!(state.group(&hash(id)), Some(Seen { sequence: number(sequence), hash: hash(head) }), "{name}");
    }
    assert_eq!(state.pins.find(None).map(|pin| hex(pin.to_bytes())), found.key_server, "{name}");
}

pub(crate) fn try_state(row: &schema::State) -> Result<()> {
    opened_state(row).map(drop)
}

/// Hash and bytes of the object, verified.
fn opened_object(row: &schema::Object) -> Result<(Hash, Vec<u8>)> {
    let (app, user, object, minimum) =
        (app(&row.app_id), user(&row.user_id), unhex(&row.object), minimum(&row.minimum));
    let field = |field: &Option<String>| field.clone().expect("a field of this type");
    let signer = |asked| verify(&all(&row.bundles), &app, asked, Minimum::default()).expect("the signer's identity");
    match row.r#type.as_str() {
        "contact" => {
            let identity = signer(Asked::User(&user));
            let contact = Contact::verify(&object, &identity, number(&field(&row.version)), minimum)?;
            assert_eq!(contact.value().email().as_str(), field(&row.email));
            Ok((*contact.hash(), contact.to_bytes()))
        }
        "receipt" => {
            let identity = signer(Asked::KeyServer);
            let receipt = Receipt::verify(&object, &identity, &user, number(&field(&row.now)), minimum)?;
            assert_eq!(hex(receipt.value().recovery()), field(&row.recovery));
            Ok((*receipt.hash(), receipt.to_bytes()))
        }
        "recovery-proof" => {
            let identity = signer(Asked::User(&user));
            let (recovery, backup) = (unhex_array(&field(&row.recovery)), unhex(&field(&row.backup)));
            let proof = RecoveryProof::verify(&object, &recovery, &backup, &identity, minimum)?;
            Ok((*proof.hash(), proof.to_bytes()))
        }
        other => panic!("{other}"),
    }
}

pub(crate) fn object(row: &schema::Object) {
    let name = &row.name;
    let (found, bytes) = opened_object(row).expect(name);
    assert_eq!(Some(hex(found.0)), row.hash, "{name}");
    assert_eq!(hex(bytes), row.object, "{name}");
    // Made again.
    let (app, user) = (app(&row.app_id), user(&row.user_id));
    let asked = if row.r#type == "receipt" { Asked::KeyServer } else { Asked::User(&user) };
    let identity = verify(&all(&row.bundles), &app, asked, Minimum::default()).expect(name);
    let key = signing_key(&unhex_array(row.seed.as_ref().expect(name)));
    let public = key.verifying_key();
    let by = identity.bundles().iter().find(|bundle| bundle.value().signing_key() == public).expect(name);
    let signer = (by.hash(), &key);
    let field = |field: &Option<String>| field.clone().expect("a field of this type");
    let made = match row.r#type.as_str() {
        "contact" => {
            let email = Email::new(&field(&row.email)).expect(name);
            Contact::sign(&app, &user, number(&field(&row.version)), &email, signer).map(|made| made.to_bytes())
        }
        "receipt" => {
            let (recovery, end) = (unhex_array(&field(&row.recovery)), number(&field(&row.end)));
            Receipt::sign(&app, &user, recovery, end, signer).map(|made| made.to_bytes())
        }
        _ => {
            let (recovery, backup) = (unhex_array(&field(&row.recovery)), unhex(&field(&row.backup)));
            RecoveryProof::sign(recovery, &backup, signer).map(|made| made.to_bytes())
        }
    };
    assert_eq!(hex(made.expect(name)), row.object, "{name}");
}

pub(crate) fn try_object(row: &schema::Object) -> Result<()> {
    opened_object(row).map(drop)
}

fn opened_share(row: &schema::Share) -> Result<Secret<32>> {
    let (app, user, version) = (app(&row.app_id), user(&row.user_id), number(&row.version));
    let pair = Pair::read(Suite::from_name(&row.suite).expect("a suite"), &unhex(&row.private)).pair;
    let wrapped = unhex(&row.wrapped);
    match &row.recovery {
        None => open_share(&mut system(), &wrapped, &pair, (&app, &user), version),
        Some(id) => open_recovery_share(&mut system(), &wrapped, &pair, (&app, &user), version, &unhex_array(id)),
    }
}

pub(crate) fn share(row: &schema::Share) {
    assert_eq!(hex(opened_share(row).expect(&row.name).expose()), row.share, "{}", row.name);
}

pub(crate) fn try_share(row: &schema::Share) -> Result<()> {
    opened_share(row).map(drop)
}

fn place((sequence, head): &(String, String)) -> Place {
    Place { sequence: number(sequence), hash: hash(head) }
}

fn opened_journal(row: &schema::Journal) -> Result<(Vec<journal::Entry>, Place)> {
    let key_server = verify(&all(&row.bundles), &app(&row.app_id), Asked::KeyServer, Minimum::default());
    let subject = match (&row.user_id, &row.session_id) {
        (Some(id), None) => Subject::User(user(id)),
        (None, Some(id)) => Subject::Session(hash(id)),
        _ => panic!("one subject"),
    };
    let (entries, head) = (all(&row.entries), unhex(&row.head));
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let reading = Reading { subject: &subject, after: number(&row.after), entries: &entries, head: &head };
    journal::verify(&reading, &key_server?, row.remembered.as_ref().map(place), Minimum::default())
}

pub(crate) fn journal(row: &schema::Journal) {
    let (entries, found) = opened_journal(row).expect(&row.name);
    assert_eq!(Some(found), row.place.as_ref().map(place), "{}", row.name);
    let bytes: Vec<_> = entries.iter().map(|entry| hex(entry.to_bytes())).collect();
    assert_eq!(bytes, row.entries, "{}", row.name);
}

pub(crate) fn try_journal(row: &schema::Journal) -> Result<()> {
    opened_journal(row).map(drop)
}

fn opened_log(row: &schema::JournalLog) -> Result<Option<Place>> {
    let key_server = verify(&all(&row.bundles), &app(&row.app_id), Asked::KeyServer, Minimum::default())?;
    if let Some(proved) = &row.proved {
        let proofs = proved.iter().map(|one| {
            let path = one.path.iter().map(|text| hash(text)).collect();
            (unhex(&one.entry), Proof { header: unhex(&one.header), index: one.index, path })
        });
        let proofs: Vec<_> = proofs.collect();
        let proofs: Vec<_> = proofs.iter().map(|(entry, proof)| (entry.as_slice(), proof)).collect();
        return journal::verify_proofs(&proofs, &key_server, Minimum::default());
    }
    let mut log = journal::Log::new(&row.kept.iter().map(place).collect::<Vec<_>>())?;
    for row in row.rows.as_ref().expect("rows or proofs") {
        let entries = all(&row.entries);
        let entries: Vec<_> = entries.iter().map(Vec::as_slice).collect();
        log.take(&unhex(&row.header), &entries, &key_server, Minimum::default())?;
    }
    log.finish()
}

pub(crate) fn journal_log(row: &schema::JournalLog) {
    assert_eq!(opened_log(row).expect(&row.name), row.place.as_ref().map(place), "{}", row.name);
}

pub(crate) fn try_journal_log(row: &schema::JournalLog) -> Result<()> {
    opened_log(row).map(drop)
}

fn opened_account(row: &schema::Account) -> Result<(account::Account, Which, bool, u64)> {
    let (app, user) = (app(&row.app_id), user(&row.user_id));
    let owner = Owner::of(&app, &user);
    let (active, pending) = (row.active.as_deref().map(unhex), row.pending.as_deref().map(unhex));
    let derivation = row.derivation.as_deref().map(|text| Derivation::from_bytes(&unhex(text)).expect("a derivation"));
    let opening = Opening::begin(active.as_deref(), pending.as_deref(), &owner, derivation.as_ref())?;
    let opened = match (&row.password, &row.shares) {
        (Some(password), None) => {
            let derivation = derivation.expect("what was derived with");
            opening.open(&derivation.derive(&Password::new(password)?)?)?
        }
        (None, Some(shares)) => {
            let men = |key_server: &String| {
                let secret = |text: &str| Secret::from_slice(&unhex(text)).expect("32 bytes");
                TwoMen { application: secret(&shares.application), key_server: secret(key_server) }
            };
            let men = TwoManShares { active: men(&shares.active), pending: shares.pending.as_ref().map(men) };
            opening.open_with_two_men(&men)?
        }
        _ => panic!("a password or shares"),
    };
    let (own, key_server) = (all(&row.bundles), all(&row.key_server));
    // It belongs to the pending backup.
    let renewal = row.renewal.as_deref().filter(|_| opened.which == Which::Pending).map(unhex);
    let slices = |of: &'_ [Vec<u8>]| -> Vec<Vec<u8>> { of.to_vec() };
    let (own, key_server) = (slices(&own), slices(&key_server));
    let own: Vec<&[u8]> = own.iter().map(Vec::as_slice).collect();
    let key_server: Vec<&[u8]> = key_server.iter().map(Vec::as_slice).collect();
    let version = opened.envelope.version();
    let content = (&opened.envelope, opened.contents);
    let account = if key_server.is_empty() {
        accept_off_line(&app, &user, content, number(&row.remembered))?
    } else {
        let presented = Presented { own: &own, renewal: renewal.as_deref(), key_server: &key_server };
        let trust = Trust { key_server: row.anchor.as_deref().map(hash), ..Trust::default() };
        accept(&app, &user, content, number(&row.remembered), &presented, &trust)?
    };
    Ok((account, opened.which, opened.interrupted.is_some(), version))
}

pub(crate) fn account(row: &schema::Account) {
    let name = &row.name;
    let (account, which, interrupted, version) = opened_account(row).expect(name);
    let found = row.found.as_ref().expect(name);
    assert_eq!(which == Which::Pending, found.pending, "{name}");
    assert_eq!(interrupted, found.interrupted, "{name}");
    assert_eq!(version, number(&found.version), "{name}");
    assert_eq!(hex(account.own.newest().hash().0), found.hash, "{name}");
    let keys: Vec<_> = account.keys.encryption.iter().map(|pair| hex(pair.public_key().fingerprint().0)).collect();
    assert_eq!(keys, found.keys, "{name}");
    assert_eq!(hex(account.state.to_bytes().expect(name).expose()), found.state, "{name}");
}

pub(crate) fn try_account(row: &schema::Account) -> Result<()> {
    opened_account(row).map(drop)
}
