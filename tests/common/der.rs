//! DER written by hand (X.690), so that what is not canonical can be written too.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const SEQUENCE: u8 = 0x30;

/// 1.2.840.113549.1.1.1
pub(crate) const RSA_ENCRYPTION: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// 1.2.840.113549.1.1.10
pub(crate) const RSASSA_PSS: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
pub(crate) const NULL: &[u8] = &[5, 0];

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut out = vec![tag];
    match len {
        0..0x80 => out.push(len as u8),
        0x80..0x100 => out.extend([0x81, len as u8]),
        _ => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    out.extend_from_slice(content);
    out
}

/// A positive integer: minimal, with the zero that its sign needs.
pub(crate) fn integer(big_endian: &[u8]) -> Vec<u8> {
    let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
    let mut content = big_endian[zeros.min(big_endian.len() - 1)..].to_vec();
    if content[0] >= 0x80 {
        content.insert(0, 0);
    }
    tlv(INTEGER, &content)
}

/// PKCS#1 RSAPublicKey.
pub(crate) fn pkcs1_public(n: &[u8], e: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[integer(n), integer(e)].concat())
}

/// SubjectPublicKeyInfo with this algorithm, parameters and key.
pub(crate) fn spki_of(oid: &[u8], parameters: &[u8], key: &[u8]) -> Vec<u8> {
    let algorithm = tlv(SEQUENCE, &[oid, parameters].concat());
    let key = tlv(BIT_STRING, &[&[0], key].concat());
    tlv(SEQUENCE, &[algorithm, key].concat())
}

/// SubjectPublicKeyInfo of an RSA key.
pub(crate) fn spki(n: &[u8], e: &[u8]) -> Vec<u8> {
    spki_of(RSA_ENCRYPTION, NULL, &pkcs1_public(n, e))
}

/// The numbers of a private key, in the order of PKCS#1: n, e, d, p, q, dp, dq, qi.
pub(crate) type Numbers = [Vec<u8>; 8];

/// PKCS#8 of a private RSA key of two primes.
pub(crate) fn pkcs8(numbers: &Numbers) -> Vec<u8> {
    let mut key = integer(&[0]);
    for number in numbers {
        key.extend(integer(number));
    }
    let algorithm = tlv(SEQUENCE, &[RSA_ENCRYPTION, NULL].concat());
    let parts = [integer(&[0]), algorithm, tlv(OCTET_STRING, &tlv(SEQUENCE, &key))];
    tlv(SEQUENCE, &parts.concat())
}

/// PEM, in lines of 64.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let base64 = data_encoding::BASE64.encode(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
