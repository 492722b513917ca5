//! F1: what every flipped bit of a message ends in.

use std::thread;

use wardkey::{
    data_key::DataKey,
    encoding::Context,
    error::{Code, Result},
    message::{self, Header, Padding},
};

use super::{
    code,
    craft::flip,
    rng::{draw, draw_array, seeded},
};

/// How a message is opened.
pub(crate) type Open<'a> = dyn Fn(&[u8]) -> Result<Vec<u8>> + Sync + 'a;

/// Turns every bit of `message` round; `trailer` is what a flipped trailer ends in, if anything.
pub(crate) fn flip_every_bit(message: &[u8], open: &Open<'_>, trailer: Option<Code>) {
    flip_bits(message, (0..8 * message.len()).collect(), open, trailer);
}

/// Turns these bits round, one at a time, on two threads.
pub(crate) fn flip_bits(message: &[u8], bits: Vec<usize>, open: &Open<'_>, trailer: Option<Code>) {
    assert!(open(message).is_ok());
    let trailer_at = message.len() - Header::parse(message).expect("a message").0.trailer_len();
    let is_signed = message[5] & 2 != 0;
    let check = |bit: &usize| {
        let (bit, place) = (*bit, bit / 8);
        let changed = flip(message, bit);
        let expected: &[Code] = match place {
            0..4 => &[Code::InvalidFormat],
            4 => &[Code::UnsupportedVersion],
            5 if changed[5] & !7 != 0 => &[Code::UnsupportedVersion],
            5 if changed[5] & 6 == 2 => &[Code::InvalidFormat],
            5 => &[Code::InvalidFormat, Code::Truncated, Code::DecryptionFailed],
            86 if is_signed && changed[86] > 32 => &[Code::InvalidFormat],
            86 if is_signed => &[Code::Truncated, Code::DecryptionFailed],
            _ if place >= trailer_at => match &trailer {
                Some(code) => std::slice::from_ref(code),
                // Passed over by who only holds the key.
                None => return assert_eq!(open(&changed), open(message), "bit {bit}"),
            },
            _ => &[Code::DecryptionFailed],
        };
        let found = code(open(&changed));
        assert!(expected.contains(&found), "bit {bit} of byte {place}: {found:?}, not {expected:?}");
    };
    let (first, second) = bits.split_at(bits.len() / 2);
    thread::scope(|scope| {
        scope.spawn(|| first.iter().for_each(check));
        scope.spawn(|| second.iter().for_each(check));
    });
}

/// A message of two whole chunks and a third of 10 bytes, without a context.
pub(crate) fn three_chunks() -> (DataKey, Vec<u8>) {
    let mut rng = seeded("three chunks");
    let key = DataKey::from_slice(&draw_array::<32>(&mut rng)).expect("32 bytes");
    let data = draw(&mut rng, 2 * 16_384 + 10);
    let sealed = message::seal(&key, &mut rng, &data, &Context::default(), Padding::None).expect("sealed");
    (key, sealed)
}
