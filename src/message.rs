//! The data format: `header ‖ Cobblestone-256 body ‖ trailer if signed`. SPEC section 4.

mod author;
mod batch;
mod body;
mod header;
mod leaf;
mod many;
mod open;
mod padding;
mod seal;

pub use self::{
    author::{Author, Authored, Authority, Verifier, View, open_signed, verify_author},
    batch::{Batch, Trailers, seal_signed},
    body::{Body, BodyChunks},
    header::{Header, InSession, MAX_HEADER, SignedBy, key_id_of},
    leaf::{Leaf, LeafHasher, chunk_hashes},
    many::{begin_opening, begin_sealing, begin_sealing_in, finish},
    open::{Opener, open, open_onto},
    padding::{Padding, padded_len},
    seal::{Sealer, seal, seal_in_session, sealed_len},
};

pub(crate) use self::{
    author::claims_of,
    open::Whole,
    padding::{pad, unpad},
};

/// Context of the body: every byte of the header and the caller's entries.
fn body_context(header: &[u8], context: &crate::encoding::Context) -> Vec<u8> {
    let bytes = Vec::with_capacity(header.len() + context.as_bytes().len() + 32);
    crate::encoding::encode_into(bytes, |w| {
        w.array(3);
        w.text("wardkey/v1/message");
        w.bytes(header);
        w.raw(context.as_bytes());
    })
}
