//! Messages of sessions as a page makes and opens them: begun here, finished elsewhere, signed and verified here.

use std::rc::Rc;

use wardkey::{
    backend::{Failure, Outcome},
    client::{Client, Host, Named, OpenSession, Reading, named_by},
    encoding::Context,
    error::{Code, Error},
    message::{self, Leaf, Padding},
    session::Opened,
    signed::Hash,
};

const LEAF: usize = 64;
const FAILED: usize = u32::MAX as usize;
const NOT_OPENED: Error = Error::new(&(Code::DecryptionFailed, "wrong key or context, or changed bytes"));

pub(crate) trait Messages {
    /// New messages, with one signature or none.
    async fn seal_messages(
        &self,
        open: &OpenSession,
        items: &[(&[u8], &Context)],
        sign: bool,
        padding: Padding,
    ) -> Outcome<Vec<Vec<u8>>>;

    /// Opens messages; sessions that aren't among `known` come there.
    async fn open_messages(
        &self,
        messages: &[(&[u8], &Context)],
        known: &mut Vec<Rc<OpenSession>>,
    ) -> Outcome<Vec<Result<Opened, Failure>>>;
}

impl<H: Host> Messages for Client<H> {
    async fn seal_messages(
        &self,
        open: &OpenSession,
        items: &[(&[u8], &Context)],
        sign: bool,
        padding: Padding,
    ) -> Outcome<Vec<Vec<u8>>> {
        let mut writing = self.write(open, items.len(), sign, padding).await?;
        let items: Vec<(&[u8], Context)> = items.iter().map(|(data, context)| (*data, (*context).clone())).collect();
        let begun = self.begin_messages(open, &writing, 0, &items)?;
        let mut messages: Vec<Vec<u8>> = finished(&begun)?.into_iter().flatten().collect();
        if sign {
            for message in &messages {
                writing.add(&leaf_of(message));
            }
            let trailers = self.sign(writing)?;
            for (index, message) in (0..).zip(&mut messages) {
                let trailer = trailers.of(index);
                let at = message.len() - trailer.len();
                message[at..].copy_from_slice(&trailer);
            }
        }
        Ok(messages)
    }

    async fn open_messages(
        &self,
        messages: &[(&[u8], &Context)],
        known: &mut Vec<Rc<OpenSession>>,
    ) -> Outcome<Vec<Result<Opened, Failure>>> {
        let named: Vec<_> = messages.iter().map(|(message, _)| named_by(message)).collect();
        let is_missing = |(id, _): &&Named| !known.iter().any(|open| open.id() == id);
        let missing: Vec<Named> = named.iter().flatten().filter(is_missing).copied().collect();
        let mut refused: Vec<(Hash, Error)> = Vec::new();
        for ((id, _), opened) in missing.iter().zip(self.open_named(&missing).await?) {
            match opened {
                Ok(open) if known.iter().any(|known| Rc::ptr_eq(known, &open)) => {}
                Ok(open) => known.push(open),
                Err(failure) => refused.push((*id, failure.error)),
            }
        }
        let why_not = |id: &Hash| refused.iter().find(|(other, _)| other == id).map(|(_, error)| *error);
        let Some((first, others)) = known.split_first() else {
            return Ok(named.into_iter().map(|named| Err(why_not(&named?.0).unwrap().into())).collect());
        };
        let reading = Reading::new(Rc::clone(first));
        for open in others {
            reading.join(Rc::clone(open));
        }
        for (message, _) in messages {
            self.note(&reading, message)?;
        }
        self.prepare(&reading).await?;
        let opened = messages.iter().zip(named).map(|((message, context), named)| {
            if let Some(error) = why_not(&named?.0) {
                return Err(error.into());
            }
            let mut begun = Vec::new();
            let unverified = self.begin_reading(&reading, &mut begun, message, context)?;
            let mut data = finished(&begun)?.pop().unwrap().ok_or(NOT_OPENED)?;
            let author = match unverified {
                None => None,
                Some(unverified) => {
                    let leaf = leaf_of(&data);
                    data.truncate(data.len() - LEAF);
                    Some(self.author_of(&reading, unverified, &leaf)?)
                }
            };
            Ok(Opened { data, author })
        });
        Ok(opened.collect())
    }
}

fn leaf_of(message: &[u8]) -> Leaf {
    Leaf::from_slice(&message[message.len() - LEAF..]).unwrap()
}

/// What a worker does, cut into pieces; nothing where one doesn't open.
fn finished(begun: &[u8]) -> Outcome<Vec<Option<Vec<u8>>>> {
    let finished = message::finish(begun)?;
    let (mut rest, mut pieces) = (finished.as_slice(), Vec::new());
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        let (piece, after) =
            if length == FAILED { (None, after) } else { (Some(after[..length].to_vec()), &after[length..]) };
        pieces.push(piece);
        rest = after;
    }
    Ok(pieces)
}
