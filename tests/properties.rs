//! What holds for any data, any context and any way of cutting a stream.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use std::collections::BTreeMap;

use common::{
    keys::{Pair, RSA_SUITES},
    rng::{Seeded, draw_array, seeded},
};
use proptest::{collection::vec, prelude::*, sample::Index};
use wardkey::{
    cobblestone,
    data_key::DataKey,
    encoding::{Context, base64url, from_base64url},
    error::Code,
    key_pair::{PublicKey, Suite},
    message::{self, Author, Authority, Header, Opener, Padding, Sealer, View, open_signed},
    password::Password,
    secret::Secret,
    sign::SigningKey,
    wrap::{unwrap_key, wrap_key},
};

fn data() -> impl Strategy<Value = Vec<u8>> {
    // Mostly small; around the end of a chunk; and zeros, which look like padding.
    prop_oneof![
        4 => vec(any::<u8>(), 0..600),
        1 => (16_300..16_500_usize, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
        1 => (0..40_000_usize).prop_map(|len| vec![0; len]),
        1 => (0..35_000_usize, 1..200_usize).prop_map(|(zeros, rest)| [vec![0; zeros], vec![7; rest]].concat()),
    ]
}

fn entries() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map(".{0,30}", ".{0,30}", 0..6)
}

fn context(entries: &BTreeMap<String, String>) -> Context {
    Context::new(entries.iter().map(|(key, value)| (key.as_str(), value.as_str()))).unwrap()
}

fn padding() -> impl Strategy<Value = Padding> {
    prop_oneof![Just(Padding::None), Just(Padding::Padme)]
}

/// The generator of a case.
fn rng_of(seed: u64) -> Seeded {
    seeded(&format!("property {seed}"))
}

fn key(rng: &mut Seeded) -> DataKey {
    DataKey::generate(rng).unwrap()
}

/// `bytes` in pieces that end at these places.
fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    places.insert(0, 0);
    places.push(bytes.len());
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn open_in_pieces(key: &DataKey, sealed: &[u8], context: &Context, cuts: &[Index]) -> Vec<u8> {
    let (mut opener, taken) = Opener::start(key, sealed, context).unwrap();
    let mut out = Vec::new();
    for piece in pieces(&sealed[taken..], cuts) {
        opener.update(piece, &mut out).unwrap();
    }
    opener.end(&mut out).unwrap();
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_message_opens_to_what_was_sealed(
        seed: u64, data in data(), entries in entries(), padding in padding(), session in any::<Option<[u8; 32]>>(),
    ) {
        let mut rng = rng_of(seed);
        let key = key(&mut rng);
        let context = context(&entries);
        let sealed = match session {
            Some(session) => message::seal_in_session(&key, &mut rng, session, &data, &context, padding),
            None => message::seal(&key, &mut rng, &data, &context, padding),
        }.unwrap();
        prop_assert_eq!(message::open(&key, &sealed, &context).unwrap(), &data[..]);
        let (header, _) = Header::parse(&sealed).unwrap();
        prop_assert_eq!(header.session.as_ref().map(|session| session.id), session);
        prop_assert_eq!(header.padded, padding == Padding::Padme);
        prop_assert_eq!(message::sealed_len(&header, data.len() as u64).unwrap(), sealed.len() as u64);
        prop_assert_eq!(sealed.len() as u64, model_len(&header, data.len() as u64));
    }

    #[test]
    fn a_stream_seals_as_one_call_does(
        seed: u64, data in data(), entries in entries(), padding in padding(), cuts in vec(any::<Index>(), 0..12),
    ) {
        let key = key(&mut rng_of(seed));
        let context = context(&entries);
        let whole = message::seal(&key, &mut rng_of(seed ^ 1), &data, &context, padding).unwrap();
        let mut streamed = Vec::new();
        let mut sealer = Sealer::new(&key, &mut rng_of(seed ^ 1), &context, padding, &mut streamed).unwrap();
        for piece in pieces(&data, &cuts) {
            sealer.update(piece, &mut streamed).unwrap();
        }
        sealer.end(&mut streamed).unwrap();
        prop_assert!(streamed == whole);
    }

    #[test]
    fn a_stream_opens_as_one_call_does(
        seed: u64, data in data(), entries in entries(), padding in padding(), cuts in vec(any::<Index>(), 0..12),
    ) {
        let mut rng = rng_of(seed);
        let key = key(&mut rng);
        let context = context(&entries);
        let sealed = message::seal(&key, &mut rng, &data, &context, padding).unwrap();
        prop_assert!(open_in_pieces(&key, &sealed, &context, &cuts) == data);
    }

    #[test]
    fn a_batch_verifies(
        seed: u64, items in vec((vec(any::<u8>(), 0..300), entries()), 1..20), padding in padding(), group: bool,
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let mut rng = rng_of(seed);
        let key = key(&mut rng);
        let signer = SigningKey::generate(&mut rng).unwrap();
        let authority = if group {
            Authority::Group { id: draw_array(&mut rng), sequence: seed, hash: draw_array(&mut rng) }
        } else {
            Authority::Signer
        };
        let view = View { sequence: seed, hash: draw_array(&mut rng) };
        let author = Author { session: draw_array(&mut rng), bundle_hash: draw_array(&mut rng), view, authority };
        let contexts: Vec<_> = items.iter().map(|(_, entries)| context(entries)).collect();
        let drafts: Vec<_> = items.iter().zip(&contexts).map(|((data, _), context)| (data.as_slice(), context)).collect();
        let sealed = message::seal_signed(&key, &mut rng, &signer, &author, &drafts, padding).unwrap();
        prop_assert_eq!(sealed.len(), items.len());
        for ((data, context), message) in drafts.iter().zip(&sealed) {
            let opened = open_signed(&key, message, context, |_| Some(signer.verifying_key().clone())).unwrap();
            prop_assert_eq!(&opened.data, data);
            prop_assert_eq!(opened.author, author);
            prop_assert_eq!(&message::open(&key, message, context).unwrap(), data);
            prop_assert_eq!(&open_in_pieces(&key, message, context, &cuts), data);
            let (header, _) = Header::parse(message).unwrap();
            prop_assert_eq!(message.len() as u64, model_len(&header, data.len() as u64));
        }
    }

    #[test]
    fn a_context_has_no_order(entries in entries(), seed: u64) {
        let sorted = context(&entries);
        let mut shuffled: Vec<_> = entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let mut rng = rng_of(seed);
        for place in (1..shuffled.len()).rev() {
            shuffled.swap(place, usize::from(draw_array::<1>(&mut rng)[0]) % (place + 1));
        }
        prop_assert_eq!(Context::new(shuffled.iter().copied()).unwrap(), sorted);
        if let Some(first) = shuffled.first() {
            let twice = Context::new(shuffled.iter().copied().chain([(first.0, "another value")]));
            prop_assert_eq!(twice.unwrap_err().code(), Code::InvalidArgument);
        }
    }

    /// Two contexts are one only if their entries are.
    #[test]
    fn contexts_differ_as_their_entries_do(a in entries(), b in entries()) {
        prop_assert_eq!(context(&a) == context(&b), a == b);
    }

    #[test]
    fn a_body_opens_only_under_its_context(seed: u64, data in vec(any::<u8>(), 0..100), a in vec(any::<u8>(), 0..40), b in vec(any::<u8>(), 0..40)) {
        let mut rng = rng_of(seed);
        let secret = Secret::generate(&mut rng).unwrap();
        let body = cobblestone::seal(&secret, &mut rng, &a, &data).unwrap();
        prop_assert_eq!(cobblestone::open(&secret, &a, &body).unwrap(), data);
        if a != b {
            prop_assert_eq!(cobblestone::open(&secret, &b, &body).unwrap_err().code(), Code::DecryptionFailed);
        }
    }

    #[test]
    fn mutated_messages_end_in_a_code_of_the_format(
        seed: u64, data in vec(any::<u8>(), 0..400), padding in padding(), places in vec((any::<Index>(), any::<u8>()), 1..4), cut in any::<Option<Index>>(),
    ) {
        let mut rng = rng_of(seed);
        let key = key(&mut rng);
        let none = Context::default();
        let sealed = message::seal(&key, &mut rng, &data, &none, padding).unwrap();
        let mut changed = sealed.clone();
        for (place, byte) in places {
            let place = place.index(changed.len());
            changed[place] = byte;
        }
        if let Some(cut) = cut {
            changed.truncate(cut.index(sealed.len()));
        }
        match message::open(&key, &changed, &none) {
            Ok(opened) => prop_assert!(changed == sealed && opened == data),
            Err(error) => prop_assert!(MESSAGE.contains(&error.code()), "{}", error),
        }
    }

    #[test]
    fn random_bytes_end_in_a_code_of_the_format(bytes in vec(any::<u8>(), 0..300), magic in 0..5_usize) {
        let bytes = [[&b""[..], b"WKMS\x01", b"WKPK\x01", b"WKWS\x01", b"WKBK\x01"][magic], &bytes].concat();
        let key = DataKey::from_slice(&[1; 32]).unwrap();
        let code = message::open(&key, &bytes, &Context::default()).unwrap_err().code();
        prop_assert!(MESSAGE.contains(&code), "{}", code);
        let code = PublicKey::from_bytes(&bytes).unwrap_err().code();
        prop_assert!([Code::InvalidFormat, Code::Truncated, Code::UnsupportedVersion, Code::KeyPolicy].contains(&code), "{}", code);
        let code = wardkey::backup::Envelope::parse(&bytes).unwrap_err().code();
        prop_assert!([Code::InvalidFormat, Code::Truncated, Code::UnsupportedVersion, Code::KdfPolicy].contains(&code), "{}", code);
    }

    #[test]
    fn base64url_and_back(bytes in vec(any::<u8>(), 0..100), text in "[A-Za-z0-9_=+/ -]{0,12}") {
        prop_assert_eq!(from_base64url(&base64url(&bytes)).unwrap(), bytes);
        if let Ok(bytes) = from_base64url(&text) {
            prop_assert_eq!(base64url(&bytes), text);
        }
    }

    /// NFC and NFD of one text are one password, and preparing twice changes nothing.
    #[test]
    fn a_password_has_one_form(typed in "\\PC{1,60}|[a-zäöüéàç\u{300}-\u{345}\u{1100}-\u{11ff}\u{2000}-\u{200a}]{1,40}") {
        use unicode_normalization::UnicodeNormalization;
        let Ok(password) = Password::new(&typed) else { return Ok(()) };
        let forms = [typed.nfc().collect::<String>(), typed.nfd().collect()];
        for form in forms {
            let prepared = Password::new(&form).unwrap();
            prop_assert_eq!(prepared.expose(), password.expose());
        }
        let prepared = std::str::from_utf8(password.expose()).unwrap();
        let again = Password::new(prepared).unwrap();
        prop_assert_eq!(again.expose(), prepared.as_bytes());
        let kept = typed.chars().filter(|c| c.is_ascii_alphanumeric()).count();
        prop_assert!(kept == 0 || prepared.len() * 4 >= kept);
    }
}

const MESSAGE: [Code; 4] = [Code::InvalidFormat, Code::Truncated, Code::UnsupportedVersion, Code::DecryptionFailed];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_wrapped_key_unwraps(seed: u64, hybrid in 0..4_usize, rsa in 0..4_usize, entries in entries(), others in entries()) {
        let mut rng = rng_of(seed);
        let key = key(&mut rng);
        let mut pairs: Vec<_> = (0..hybrid).map(|_| Pair::hybrid(&mut rng)).collect();
        pairs.extend(RSA_SUITES.into_iter().take(rsa).map(Pair::rsa));
        let (bound, other) = (context(&entries), context(&others));
        // Given twice, in another order: one stanza each.
        let recipients: Vec<_> = pairs.iter().chain(pairs.iter().rev()).map(|pair| pair.pair.public_key()).collect();
        let wrapped = wrap_key(&key, &mut rng, recipients, &bound, true);
        if pairs.is_empty() {
            prop_assert_eq!(wrapped.unwrap_err().code(), Code::InvalidArgument);
            return Ok(());
        }
        let wrapped = wrapped.unwrap();
        let stranger = Pair::hybrid(&mut rng);
        for pair in &pairs {
            let opened = unwrap_key(&wrapped, &mut rng, &pair.pair, &bound).unwrap();
            prop_assert!(opened.dangerously_expose() == key.dangerously_expose());
            if entries != others {
                prop_assert_eq!(unwrap_key(&wrapped, &mut rng, &pair.pair, &other).unwrap_err().code(), Code::UnwrapFailed);
            }
        }
        prop_assert_eq!(unwrap_key(&wrapped, &mut rng, &stranger.pair, &bound).unwrap_err().code(), Code::NotARecipient);
    }

    #[test]
    fn a_public_key_reads_as_it_writes(seed: u64) {
        let pair = Pair::hybrid(&mut rng_of(seed)).pair;
        let public = pair.public_key();
        let again = PublicKey::parse(&public.to_string()).unwrap();
        prop_assert_eq!(again.as_bytes(), public.as_bytes());
        prop_assert_eq!(again.fingerprint(), public.fingerprint());
        prop_assert_eq!(again.suite(), Suite::Hybrid);
    }
}

/// Padmé as the paper has it (Nikitin et al., algorithm 1): round up to a multiple of 2^(E − S).
fn model_padme(len: u64) -> u64 {
    let exponent = u64::from(63 - len.leading_zeros());
    let mantissa = u64::from(64 - exponent.leading_zeros());
    let unit = 1 << (exponent - mantissa);
    len.div_ceil(unit) * unit
}

/// The lengths of SPEC sections 3 and 4, from its formulas alone.
fn model_len(header: &Header, data: u64) -> u64 {
    let plaintext = if header.padded { model_padme(data + 8).max(256) } else { data };
    let body = 56 + plaintext + 16 * (plaintext / 16_384 + 1);
    let (header_len, trailer) = match &header.session {
        None => (22, 0),
        Some(session) => match &session.signed_by {
            None => (54, 0),
            Some(signed_by) => (87, 184 + 32 * u64::from(signed_by.path_len)),
        },
    };
    header_len + body + trailer
}

#[test]
fn padme_as_the_model() {
    let near = |bit: u32| (0..40).flat_map(move |near| [(1_u64 << bit) + near, (1_u64 << bit).saturating_sub(near)]);
    for data in (0..70_000).chain((10..61).flat_map(near)) {
        assert_eq!(message::padded_len(data).unwrap(), model_padme(data + 8).max(256), "{data}");
    }
}

#[test]
fn lengths_as_the_model() {
    for plaintext in (0..70_000).chain([1 << 30, (1 << 40) - 1, 1 << 40, (1 << 52) - 1]) {
        let sealed = 56 + plaintext + 16 * (plaintext / 16_384 + 1);
        assert_eq!(cobblestone::sealed_len(plaintext), Ok(sealed));
        assert_eq!(cobblestone::opened_len(sealed), Ok(plaintext));
    }
    let possible: std::collections::BTreeSet<_> =
        (0..40_000).map(|len| cobblestone::sealed_len(len).unwrap()).collect();
    for body in 0..40_000 {
        assert_eq!(cobblestone::opened_len(body).is_ok(), possible.contains(&body), "{body}");
    }
}
