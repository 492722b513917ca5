//! What a session encrypts and decrypts. Chunks and batches are those of every message: `message`, `batch`.

use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{
    batch::{CoreBatch, Packed},
    convert::{context, padding},
    error::JsResult,
    host::JsHost,
    message::CoreBody,
    scrub_stack,
    session::CoreSession,
    task::{CoreTask, nothing},
};
use crate::{
    client::{Client, OpenSession, Reading, Unverified},
    error::{Code, Error, Result},
    message::{Leaf, Trailers},
    session::{Claim, Signer, Writing},
};

/// Bytes of a leaf.
const LEAF: usize = 64;

const NOT_A_LEAF: Error = Error::new(&(Code::InvalidArgument, "not what an author signs"));
const TWICE: Error = Error::new(&(Code::InvalidArgument, "it was taken already"));

fn leaf(bytes: &[u8]) -> Result<Leaf> {
    Leaf::from_slice(bytes).ok_or(NOT_A_LEAF)
}

/// `[user, identity fingerprint]`
fn author(signer: &Signer) -> JsValue {
    let user = signer.user.as_ref().map_or(JsValue::NULL, |user| user.as_str().into());
    Array::of2(&user, &signer.identity.to_string().into()).into()
}

#[wasm_bindgen(js_class = CoreSession)]
impl CoreSession {
    /// The same session, held once more.
    pub fn share(&self) -> CoreSession {
        Self::new(Rc::clone(&self.client), Rc::clone(&self.open))
    }

    /// So many new messages: a `CoreWriting`.
    pub fn write(&self, size: u32, sign: bool, padded: bool) -> CoreTask {
        let (own, session) = (Rc::clone(&self.client), Rc::clone(&self.open));
        self.task(async move |client, open| {
            let writing = client.write(open, size as usize, sign, padding(padded)).await?;
            Ok(CoreWriting { client: own, open: session, messages: Messages::Unsigned(writing) }.into())
        })
    }

    /// Begins to open a message by at least `messageStart()` bytes of it, or all: a `CoreMessage`. Without `author`, nobody asks who wrote it.
    #[wasm_bindgen(js_name = beginOpening)]
    pub fn begin_opening(&self, beginning: Vec<u8>, entries: Option<Vec<String>>, author: bool) -> JsResult<CoreTask> {
        let context = context(entries)?;
        let (own, session) = (Rc::clone(&self.client), Rc::clone(&self.open));
        Ok(self.task(async move |client, open| {
            let (body, claim) = client.begin_opening(open, &beginning, &context, author).await?;
            let body = Some(CoreBody::new(body, Vec::new()));
            Ok(CoreMessage { client: own, open: session, body, claim }.into())
        }))
    }

    /// Many messages of this session, to be opened.
    pub fn read(&self) -> CoreReading {
        let reading = Rc::new(Reading::new(Rc::clone(&self.open)));
        CoreReading { client: Rc::clone(&self.client), reading, unverified: Vec::new() }
    }
}

#[derive(Debug)]
enum Messages {
    Unsigned(Writing),
    Signed(Trailers),
    Failed,
}

/// New messages, with one signature for all of them or none.
#[wasm_bindgen(js_name = CoreWriting)]
#[derive(Debug)]
pub struct CoreWriting {
    client: Rc<Client<JsHost>>,
    open: Rc<OpenSession>,
    messages: Messages,
}

#[wasm_bindgen(js_class = CoreWriting)]
impl CoreWriting {
    /// Begins message number `index`.
    pub fn begin(&self, index: u32, entries: Option<Vec<String>>) -> JsResult<CoreBody> {
        let (body, start) = self.client.begin_message(&self.open, self.writing()?, index, &context(entries)?)?;
        Ok(CoreBody::new(body, start))
    }

    /// Begins messages from number `first` on, packed as for `CoreDataKey.encryptMany()`.
    #[wasm_bindgen(js_name = beginMany)]
    pub fn begin_many(&self, first: u32, packed: &[u8], texts: &[u8], layout: &[u32]) -> JsResult<CoreBatch> {
        let items = Packed { packed, texts, layout }.collect::<Result<Vec<_>>>()?;
        let begun = self.client.begin_messages(&self.open, self.writing()?, first, &items)?;
        Ok(CoreBatch::new(begun, Array::new()))
    }

    /// The leaves of the next messages, joined.
    pub fn add(&mut self, leaves: &[u8]) -> JsResult<()> {
        let Messages::Unsigned(writing) = &mut self.messages else { return Err(TWICE.into()) };
        for bytes in leaves.chunks(LEAF) {
            writing.add(&leaf(bytes)?);
        }
        Ok(())
    }

    /// After the last leaf.
    pub fn sign(&mut self) -> JsResult<()> {
        match core::mem::replace(&mut self.messages, Messages::Failed) {
            Messages::Unsigned(writing) => self.messages = Messages::Signed(self.client.sign(writing)?),
            _ => return Err(TWICE.into()),
        }
        scrub_stack();
        Ok(())
    }

    /// The trailers of these messages.
    pub fn trailers(&self, from: u32, to: u32) -> JsResult<Array> {
        let Messages::Signed(trailers) = &self.messages else { return Err(TWICE.into()) };
        Ok((from..to.min(trailers.size())).map(|index| Uint8Array::from(trailers.of(index).as_slice())).collect())
    }

    fn writing(&self) -> Result<&Writing> {
        if let Messages::Unsigned(writing) = &self.messages { Ok(writing) } else { Err(TWICE) }
    }
}

/// A message that is being opened.
#[wasm_bindgen(js_name = CoreMessage)]
#[derive(Debug)]
pub struct CoreMessage {
    client: Rc<Client<JsHost>>,
    open: Rc<OpenSession>,
    body: Option<CoreBody>,
    claim: Option<Claim>,
}

#[wasm_bindgen(js_class = CoreMessage)]
impl CoreMessage {
    /// Its chunks, once.
    pub fn body(&mut self) -> JsResult<CoreBody> {
        Ok(self.body.take().ok_or(TWICE)?)
    }

    /// Has it an author who is still to be verified?
    #[wasm_bindgen(js_name = isSigned)]
    pub fn is_signed(&self) -> bool {
        self.claim.is_some()
    }

    /// Verifies the author, once: `[user, identity fingerprint]`.
    pub fn author(&mut self, hashed: &[u8], trailer: Vec<u8>) -> JsResult<CoreTask> {
        let (claim, hashed) = (self.claim.take().ok_or(TWICE)?, leaf(hashed)?);
        let (client, open) = (Rc::clone(&self.client), Rc::clone(&self.open));
        Ok(CoreTask::new(async move { Ok(author(&client.author(&open, claim, &hashed, &trailer).await?)) }))
    }
}

/// Many messages that are being opened.
#[wasm_bindgen(js_name = CoreReading)]
#[derive(Debug)]
pub struct CoreReading {
    client: Rc<Client<JsHost>>,
    reading: Rc<Reading>,
    /// By the places of the messages.
    unverified: Vec<Option<Unverified>>,
}

#[wasm_bindgen(js_class = CoreReading)]
impl CoreReading {
    /// Messages of this session, too.
    pub fn join(&self, session: &CoreSession) {
        self.reading.join(Rc::clone(&session.open));
    }

    /// Looks what these messages, packed as for `CoreDataKey.decryptMany()`, name that isn't known.
    pub fn note(&self, packed: &[u8], texts: &[u8], layout: &[u32]) -> JsResult<()> {
        for (message, _) in (Packed { packed, texts, layout }).flatten() {
            self.client.note(&self.reading, message)?;
        }
        Ok(())
    }

    /// Looks whether the sessions may be used, and fetches what was noted.
    pub fn prepare(&self) -> CoreTask {
        let (client, reading) = (Rc::clone(&self.client), Rc::clone(&self.reading));
        CoreTask::new(async move { nothing(client.prepare(&reading).await) })
    }

    /// Begins to open these messages, the first of which has this place.
    pub fn begin(&mut self, first: u32, packed: &[u8], texts: &[u8], layout: &[u32]) -> JsResult<CoreBatch> {
        let first = first as usize;
        Ok(CoreBatch::open(Packed { packed, texts, layout }, |index, begun, sealed, context| {
            let unverified = self.client.begin_reading(&self.reading, begun, sealed, context)?;
            let place = first + index as usize;
            if self.unverified.len() <= place {
                self.unverified.resize_with(place + 1, || None);
            }
            if let Some(item) = self.unverified.get_mut(place) {
                *item = unverified;
            }
            Ok(())
        })?)
    }

    /// Has the message in this place an author who is still to be verified? Then its leaf follows its data.
    #[wasm_bindgen(js_name = isSigned)]
    pub fn is_signed(&self, place: usize) -> bool {
        self.unverified.get(place).is_some_and(Option::is_some)
    }

    /// Verifies the author of the message in this place, once: `[user, identity fingerprint]`.
    pub fn author(&mut self, place: usize, hashed: &[u8]) -> JsResult<JsValue> {
        let unverified = self.unverified.get_mut(place).and_then(Option::take).ok_or(TWICE)?;
        Ok(author(&self.client.author_of(&self.reading, unverified, &leaf(hashed)?)?))
    }
}
