//! Targets of `entries/`: what partners and databases of another make give. Shared as `targets.rs` is.

use wardkey::error::Code;
use wardkey_fhir::{ContentKey, IV};

use super::{allow, rng};

/// An initialization vector, and what stands sealed in a FHIR `Binary`.
pub fn binary(data: &[u8]) {
    let (iv, sealed) = data.split_at(data.len().min(IV));
    let key = ContentKey::from_parts(&[0x11; 32], iv);
    assert_eq!(key.is_ok(), iv.len() == IV);
    let Ok(key) = key else { return };
    let mut content = sealed.to_vec();
    let opened = key.open(b"e30", &mut content);
    allow(&opened, &[Code::DecryptionFailed]);
    if opened.is_ok() {
        key.seal(b"e30", &mut content).expect("short");
        assert_eq!(content, sealed);
    }
}

/// After a number that says which: values of the legacy layout under a key of 16 or 32 bytes, or a private key after its length, and what was wrapped for it.
pub fn legacy(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    let opened = match which % 3 {
        0 => wardkey_legacy::open(&[0x11; 16], data),
        1 => wardkey_legacy::open(&[0x11; 32], data),
        _ => {
            let Some((len, data)) = data.split_first_chunk::<2>() else { return };
            let (private, wrapped) = data.split_at(usize::from(u16::from_be_bytes(*len)).min(data.len()));
            let opened = wardkey_legacy::unwrap(&mut rng(), private, wrapped);
            allow(&opened, &[Code::DecryptionFailed, Code::InvalidFormat]);
            return;
        }
    };
    allow(&opened, &[Code::DecryptionFailed]);
    if let Ok(opened) = opened {
        // An initialization vector, and one block at most that isn't content.
        assert!((17..=32).contains(&(data.len() - opened.expose().len())));
    }
}
