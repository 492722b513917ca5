//! Requests that have effects each time they are made, and are answered once for each `Idempotency-Key`: API section 1.
//!
//! What was answered is kept sealed under a secret of the server, the request's body with it: who reads the store finds neither a code nor a receipt.

use rand_core::TryCryptoRng;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use wardkey::{cobblestone, error::Code};

use crate::{ApiError, Caller, DAY, Request, Work, error::Result, store::Store};

const UNREADABLE: ApiError = ApiError::server("an answer that was kept can't be read");
const OTHER: ApiError = ApiError::new(Code::Conflict, "this idempotency key was used for another body");

/// The first answer.
#[derive(Serialize, Deserialize)]
struct Answer {
    #[serde(with = "crate::text")]
    body: [u8; 32],
    time: u64,
    /// The reply; none: the code was wrong.
    reply: Option<Value>,
    left: Option<u64>,
}

impl Answer {
    fn again(self) -> Result<Value> {
        self.reply.ok_or_else(|| ApiError::otp_wrong(self.left.unwrap_or_default()))
    }
}

/// What a request is called: who asks for what under which key. None of these has the byte 0.
fn name_of(request: &Request<'_>, key: &str) -> [u8; 32] {
    let caller = match request.caller {
        Some(Caller::User(user)) => user.as_str(),
        _ => "",
    };
    let mut hash = Sha256::new();
    for part in [caller, request.method, request.path, key] {
        hash = hash.chain_update(part).chain_update([0]);
    }
    hash.finalize().into()
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    /// Gives the first answer again, or what `run` answers, which it keeps: a reply, or a wrong code.
    pub(crate) fn once(
        &mut self,
        request: &Request<'_>,
        (key, body): (&str, &Value),
        run: impl FnOnce(&mut Self) -> Result<Value>,
    ) -> Result<Value> {
        if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiError::argument("an idempotency key has 1 to 255 visible characters of ASCII"));
        }
        let name = name_of(request, key);
        let body = Sha256::digest(body.to_string()).into();
        if let Some(sealed) = self.store.answered(&name)? {
            let answer = self.open(&name, &sealed)?;
            if self.now < answer.time.saturating_add(DAY) {
                return if answer.body == body { answer.again() } else { Err(OTHER) };
            }
        }
        let result = run(self);
        let (reply, left) = match &result {
            Ok(reply) => (Some(reply.clone()), None),
            Err(error) if error.keeps() && error.code() == Code::OtpWrong => (None, error.attempts_left()),
            Err(_) => return result,
        };
        self.keep(&name, &Answer { body, time: self.now, reply, left })?;
        result
    }

    fn open(&self, name: &[u8; 32], sealed: &[u8]) -> Result<Answer> {
        let answer = cobblestone::open(&self.server.answers()?, name, sealed).map_err(|_| UNREADABLE)?;
        serde_json::from_slice(&answer).map_err(|_| UNREADABLE)
    }

    fn keep(&mut self, name: &[u8; 32], answer: &Answer) -> Result<()> {
        let text = serde_json::to_vec(answer).map_err(|_| UNREADABLE)?;
        let sealed = cobblestone::seal(&self.server.answers()?, self.rng, name, &text)?;
        Ok(self.store.put_answered(name, self.now, &sealed)?)
    }
}
