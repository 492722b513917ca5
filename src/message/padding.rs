//! Hides the length of a plaintext (Padmé, PoPETs 2019): SPEC section 4.2. `data ‖ zeros ‖ u64(length of data)`.

use crate::{
    error::{Code, Error, Result},
    secret::{self, SecretBytes},
};

const LENGTH: usize = 8;
const LEAST: u64 = 256;
const LONG: Error = Error::new(&(Code::Limit, "not enough memory"));
const FAILED: Error = Error::new(&(Code::DecryptionFailed, "wrong key or context, or changed bytes"));

/// Whether the length of the data shows in the length of the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// It shows.
    #[default]
    None,
    /// Only its bucket shows: at most 12 % longer, less for long data.
    Padme,
}

/// Length of the padded plaintext for so many bytes of data.
///
/// # Errors
/// `limit` over 2⁶² bytes.
pub fn padded_len(data: u64) -> Result<u64> {
    if data >> 62 != 0 {
        return Err(Error::new(&(Code::Limit, "too long")));
    }
    let len = data + LENGTH as u64;
    let exponent = len.ilog2();
    let mask = (1_u64 << (exponent - (exponent.ilog2() + 1))) - 1;
    Ok(((len + mask) & !mask).max(LEAST))
}

/// What follows so many bytes of data: the number of zeros, and the length.
pub(super) fn tail(data: u64) -> Result<(u64, [u8; LENGTH])> {
    Ok((padded_len(data)? - LENGTH as u64 - data, data.to_be_bytes()))
}

/// Data that is there as a whole, padded.
pub(crate) fn pad(data: &[u8]) -> Result<SecretBytes> {
    let (zeros, length) = tail(data.len() as u64)?;
    let total = usize::try_from(padded_len(data.len() as u64)?).map_err(|_| LONG)?;
    let mut padded = secret::reserve(total)?;
    padded.extend_from_slice(data);
    append_zeros(&mut padded, zeros, 0)?;
    padded.extend_from_slice(&length);
    Ok(SecretBytes::new(padded))
}

/// The data of a plaintext that is there as a whole.
pub(crate) fn unpad(plaintext: &[u8]) -> Result<&[u8]> {
    let (data, length) = plaintext.split_last_chunk::<LENGTH>().ok_or(FAILED)?;
    let length = u64::from_be_bytes(*length);
    let (data, zeros) = usize::try_from(length).ok().and_then(|at| data.split_at_checked(at)).ok_or(FAILED)?;
    let fits = padded_len(length)? == plaintext.len() as u64 && zeros.iter().all(|byte| *byte == 0);
    if fits { Ok(data) } else { Err(FAILED) }
}

/// Takes the padding off a plaintext that comes in pieces, in constant memory: it holds back a count of zeros, and eight bytes.
#[derive(Default)]
pub(super) struct Unpadder {
    released: u64,
    zeros: u64,
    last: Vec<u8>,
}

impl Unpadder {
    /// Takes what stands in `out` from `start` on, and leaves there what is data for sure.
    pub(super) fn pass(&mut self, out: &mut Vec<u8>, start: usize) -> Result<()> {
        let mut piece = core::mem::take(&mut self.last);
        piece.extend_from_slice(out.get(start..).unwrap_or_default());
        out.truncate(start);
        self.last = piece.split_off(piece.len().saturating_sub(LENGTH));
        let piece = SecretBytes::new(piece);
        let piece = piece.expose();
        match piece.iter().rposition(|byte| *byte != 0) {
            None => self.zeros += piece.len() as u64,
            Some(position) => {
                append_zeros(out, self.zeros, position + 1)?;
                out.extend_from_slice(piece.get(..=position).unwrap_or_default());
                self.released += self.zeros + position as u64 + 1;
                self.zeros = (piece.len() - position - 1) as u64;
            }
        }
        Ok(())
    }

    /// After the last piece: appends the zeros that were data.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<()> {
        let length = u64::from_be_bytes(self.last.try_into().map_err(|_| FAILED)?);
        let total = self.released + self.zeros + LENGTH as u64;
        let owed = length.checked_sub(self.released).filter(|owed| *owed <= self.zeros).ok_or(FAILED)?;
        if padded_len(length)? != total {
            return Err(FAILED);
        }
        append_zeros(out, owed, 0)
    }
}

/// Appends zeros, with room for `more` bytes behind them.
fn append_zeros(out: &mut Vec<u8>, zeros: u64, more: usize) -> Result<()> {
    let zeros = usize::try_from(zeros).map_err(|_| LONG)?;
    out.try_reserve(zeros.checked_add(more).ok_or(LONG)?).map_err(|_| LONG)?;
    out.resize(out.len() + zeros, 0);
    Ok(())
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn buckets() {
        for (data, padded) in
            [(0, 256), (248, 256), (249, 272), (264, 272), (265, 288), (1000, 1024), (1_000_000, 1_015_808)]
        {
            assert_eq!(padded_len(data).unwrap(), padded, "{data}");
        }
        assert_eq!(padded_len(1 << 62).unwrap_err().code(), Code::Limit);
    }

    #[test]
    fn never_shorter_and_rarely_much_longer() {
        for data in (0..100_000).chain((0..60).map(|bit| (1_u64 << bit) + 1)) {
            let padded = padded_len(data).unwrap();
            assert!(padded >= data + 8 && padded >= 256);
            assert!(padded == 256 || padded - (data + 8) <= (data + 8) * 12 / 100, "{data}");
        }
    }
}
