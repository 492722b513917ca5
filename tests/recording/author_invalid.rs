//! Signed messages whose body opens and whose author doesn't verify.

use super::{draw_key, invalid};
use crate::common::{
    cbor,
    craft::{
        flip,
        message::{Trailer, group, header, leaf, node, sealed},
    },
    hex::hex,
    rng::{Seeded, draw_array},
    schema::{Author, Entries, Invalid, Message},
};

const HEADER: usize = 87;
const DATA: &[u8] = b"discharged on the third day";

/// A key, a session, and somebody who signs in it.
struct Scene {
    key: [u8; 32],
    session: [u8; 32],
    bundle_hash: [u8; 32],
    seed: [u8; 32],
}

impl Scene {
    fn new(rng: &mut Seeded) -> Self {
        Self { key: draw_key(rng), session: draw_array(rng), bundle_hash: draw_array(rng), seed: draw_array(rng) }
    }

    fn public(&self) -> [u8; 32] {
        ed25519_dalek::SigningKey::from_bytes(&self.seed).verifying_key().to_bytes()
    }

    /// Header and body, with a path length as claimed.
    fn unsigned(&self, rng: &mut Seeded, path_len: u8) -> Vec<u8> {
        let header = header(&self.key, Some(&self.session), Some((&self.bundle_hash, path_len)), false);
        sealed(rng, &self.key, &header, &cbor::context([]), DATA)
    }

    fn row(&self, name: &str, sealed: &[u8], trailer: &Trailer, public_key: &[u8; 32]) -> Invalid<Message> {
        let author = Author {
            public_key: hex(public_key),
            bundle_hash: hex(self.bundle_hash),
            sequence: trailer.sequence.to_string(),
            log_hash: hex(trailer.log_hash),
            authority: hex(trailer.authority),
            index: trailer.index,
            size: trailer.size,
        };
        let entry = Message {
            name: format!("author: {name}"),
            key: hex(self.key),
            context: Entries::new(),
            plaintext: hex(DATA),
            sealed: hex(sealed),
            author: Some(author),
            session: Some(hex(self.session)),
        };
        invalid("bad-signature", entry)
    }
}

pub(super) fn rows(rng: &mut Seeded) -> Vec<Invalid<Message>> {
    let mut rows = Vec::new();
    tampered(rng, &mut rows);
    properly_signed(rng, &mut rows);
    signatures(rng, &mut rows);
    rows
}

/// A batch of two under one signature: header and body of each, and the trailers.
fn batch(rng: &mut Seeded, scene: &Scene) -> ([Vec<u8>; 2], [Trailer; 2], [u8; 32]) {
    let unsigned = [scene.unsigned(rng, 1), scene.unsigned(rng, 1)];
    let leaves = [leaf(&unsigned[0], HEADER), leaf(&unsigned[1], HEADER)];
    let authority = group(&draw_array(rng), 9, &draw_array(rng));
    let first = Trailer { authority, size: 2, path: vec![leaves[1]], ..Trailer::single(1 << 40, draw_array(rng)) };
    let second = Trailer { index: 1, path: vec![leaves[0]], ..first.clone() };
    (unsigned, [first, second], node(&leaves[0], &leaves[1]))
}

/// Changed after they were signed.
fn tampered(rng: &mut Seeded, rows: &mut Vec<Invalid<Message>>) {
    let alice = Scene::new(rng);
    let bob = Scene::new(rng);
    let (unsigned, trailers, root) = batch(rng, &alice);
    let public = alice.public();
    let signed = trailers.clone().map(|trailer| trailer.sign(&alice.seed, &root));
    let mut push = |name: &str, trailer: &[u8], public: &[u8; 32]| {
        let sealed = [unsigned[0].as_slice(), trailer].concat();
        rows.push(alice.row(name, &sealed, &trailers[0], public));
    };
    for (name, place) in [
        ("sequence, first byte", 0),
        ("sequence, last byte", 7),
        ("log hash, first byte", 8),
        ("log hash, last byte", 39),
        ("group id, first byte", 40),
        ("group sequence", 72 + 7),
        ("group hash, last byte", 111),
        ("index", 115),
        ("size", 119),
        ("path, first byte", 120),
        ("path, last byte", 151),
        ("signature, R", 152),
        ("signature, S", 184),
        ("signature, last byte", 215),
    ] {
        push(&format!("flipped: {name}"), &flip(&signed[0], 8 * place), &public);
    }
    push("another public key", &signed[0], &bob.public());
    push("the other message's trailer", &signed[1], &public);
    push("index of the other message", &[&signed[0][..112], &[0, 0, 0, 1], &signed[0][116..]].concat(), &public);
    push("authority taken away", &[&signed[0][..40], &[0; 72], &signed[0][112..]].concat(), &public);
    push("all zero", &[0; 216], &public);
    // Bob signs the same batch; Alice's bundle stands in the header.
    push("another signer's trailer", &trailers[0].sign(&bob.seed, &root), &public);
    // Truly Bob's, but of another message.
    let (_, bobs, bobs_root) = batch(rng, &bob);
    push("trailer of another signer's message", &bobs[0].sign(&bob.seed, &bobs_root), &public);
}

/// Signed by the author, and wrong all the same.
fn properly_signed(rng: &mut Seeded, rows: &mut Vec<Invalid<Message>>) {
    let scene = Scene::new(rng);
    let (unsigned, [first, _], root) = batch(rng, &scene);
    let lone = scene.unsigned(rng, 0);
    let lone_leaf = leaf(&lone, HEADER);
    let sibling = draw_array(rng);
    let log_hash = draw_array(rng);
    let public = scene.public();
    let mut push = |name: &str, unsigned: &[u8], trailer: &Trailer, root: &[u8; 32]| {
        let sealed = [unsigned, &trailer.sign(&scene.seed, root)].concat();
        rows.push(scene.row(name, &sealed, trailer, &public));
    };
    let single = Trailer::single(3, log_hash);
    let mut half = single.clone();
    half.authority[71] = 1;
    push("no group, but a group's hash", &lone, &half, &lone_leaf);
    half.authority = group(&[0; 32], 1, &[0; 32]);
    push("no group, but a group's sequence", &lone, &half, &lone_leaf);
    push("batch of none", &lone, &Trailer { size: 0, ..single.clone() }, &lone_leaf);
    push("index 1 of 1", &lone, &Trailer { index: 1, ..single.clone() }, &lone_leaf);
    push("index far outside", &lone, &Trailer { index: u32::MAX, ..single.clone() }, &lone_leaf);
    push("no path in a batch of two", &lone, &Trailer { size: 2, ..single.clone() }, &lone_leaf);
    push("a path in a batch of one", &unsigned[0], &Trailer { size: 1, ..first.clone() }, &root);
    push("path of another size's length", &unsigned[0], &Trailer { size: 3, ..first.clone() }, &root);
    push("signed over the leaf, not the root", &unsigned[0], &first, &leaf(&unsigned[0], HEADER));
    push("another sibling", &unsigned[0], &Trailer { path: vec![sibling], ..first.clone() }, &root);
    push("signed over another root", &lone, &single, &root);
    push("leaf without its prefix byte", &lone, &single, &node(&lone_leaf, &lone_leaf));
}

/// Signatures that only a loose verifier takes (RFC 8032 section 5.1.7), and none at all.
fn signatures(rng: &mut Seeded, rows: &mut Vec<Invalid<Message>>) {
    /// The order of the group, little-endian.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let scene = Scene::new(rng);
    let lone = scene.unsigned(rng, 0);
    let trailer = Trailer::single(3, draw_array(rng));
    let good = trailer.sign(&scene.seed, &leaf(&lone, HEADER));
    let mut malleated = good.clone();
    let mut carry = 0;
    for (byte, add) in malleated[good.len() - 32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    rows.push(scene.row("S plus the order", &[lone.as_slice(), &malleated].concat(), &trailer, &scene.public()));
    // A and R of order 1: without the strict check, any message verifies with S = 0.
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut small = [0; 64];
    small[0] = 1;
    let weak = [lone.as_slice(), &trailer.encode(&small)].concat();
    rows.push(scene.row("key and R of small order", &weak, &trailer, &identity));
    let nonsense = [0xff; 32];
    let signed = [lone.as_slice(), &good].concat();
    rows.push(scene.row("public key is no point", &signed, &trailer, &nonsense));
    let header = header(&scene.key, Some(&scene.session), None, false);
    let unsigned = sealed(rng, &scene.key, &header, &cbor::context([]), DATA);
    rows.push(scene.row("not signed", &unsigned, &trailer, &scene.public()));
}
