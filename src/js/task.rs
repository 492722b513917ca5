//! Rust that waits, without promises: a task runs up to its next request and stops. `npm/task.ts` does what is asked, and steps on with what came of it.
//! Meanwhile nothing of the task is on the stack or borrowed: others may run, and it may be freed.

use core::{
    cell::Cell,
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use js_sys::Array;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::error::JsResult;
use crate::backend::Outcome;

enum Mail {
    Request(Array),
    Reply(JsResult<JsValue>),
}

std::thread_local! {
    /// Between JavaScript and the task that runs in this moment.
    static MAIL: Cell<Option<Mail>> = const { Cell::new(None) };
}

/// Has JavaScript call this method, and waits for what it returns, resolves to, throws or rejects with. A task asks for one thing at a time: two calls
/// that are polled together would overwrite each other.
pub(super) async fn ask(target: &JsValue, method: &str, arguments: &[JsValue]) -> JsResult<JsValue> {
    let call = [target.clone(), method.into()];
    MAIL.set(Some(Mail::Request(call.iter().chain(arguments).collect())));
    poll_fn(|_| match MAIL.take() {
        Some(Mail::Reply(reply)) => Poll::Ready(reply),
        request => {
            MAIL.set(request);
            Poll::Pending
        }
    })
    .await
}

/// The end of a task that gives nothing.
pub(super) fn nothing(outcome: Outcome<()>) -> JsResult<JsValue> {
    outcome?;
    Ok(JsValue::UNDEFINED)
}

enum State {
    Running(Pin<Box<dyn Future<Output = JsResult<JsValue>>>>),
    Done(JsResult<JsValue>),
}

/// A call that waits for JavaScript.
#[wasm_bindgen(js_name = CoreTask)]
pub struct CoreTask(State);

impl CoreTask {
    /// What the future works on it must hold itself: the objects of JavaScript may be freed before it ends.
    pub(super) fn new(future: impl Future<Output = JsResult<JsValue>> + 'static) -> Self {
        Self(State::Running(Box::pin(future)))
    }
}

#[wasm_bindgen(js_class = CoreTask)]
impl CoreTask {
    /// Runs on with what came of the last request (of none at first): up to the next, `[target, method, ...arguments]`, or to the end, undefined.
    pub fn step(&mut self, reply: JsValue, failed: bool) -> Option<Array> {
        let State::Running(future) = &mut self.0 else { return None };
        let others = MAIL.replace(Some(Mail::Reply(if failed { Err(reply) } else { Ok(reply) })));
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        match (polled, MAIL.replace(others)) {
            (Poll::Pending, Some(Mail::Request(request))) => return Some(request),
            (Poll::Pending, _) => {}
            (Poll::Ready(result), _) => self.0 = State::Done(result),
        }
        None
    }

    /// The result, at the end.
    pub fn finish(self) -> JsResult<JsValue> {
        match self.0 {
            State::Done(result) => result,
            State::Running(_) => Err(JsValue::UNDEFINED),
        }
    }
}

impl fmt::Debug for CoreTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CoreTask(..)")
    }
}
