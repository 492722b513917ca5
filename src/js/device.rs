//! The device's storage in JavaScript: `npm/device.ts`. Whatever fails there is not there.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use super::{
    error::JsResult,
    host::{CoreHost, bytes, known, taken},
    task::ask,
};
use crate::{client::Device, error::Result, secret::SecretBytes};

#[derive(Debug)]
pub(super) struct JsDevice(pub(super) CoreHost);

impl JsDevice {
    async fn ask(&self, method: &str, arguments: &[JsValue]) -> JsResult<JsValue> {
        ask(&self.0, method, arguments).await
    }
}

impl Device for JsDevice {
    async fn read(&self, row: &str) -> Option<Vec<u8>> {
        let value = self.ask("readRow", &[row.into()]).await.ok()?;
        Some(value.dyn_ref::<Uint8Array>()?.to_vec())
    }
    async fn write(&self, row: &str, value: &[u8]) -> bool {
        self.ask("writeRow", &[row.into(), bytes(value)]).await.is_ok_and(|kept| kept.is_truthy())
    }
    async fn delete(&self, row: &str) {
        // What can't be deleted is overwritten or unreadable: the host sees to it.
        self.ask("deleteRow", &[row.into()]).await.ok();
    }
    async fn names(&self, prefix: &str) -> Vec<String> {
        let Ok(names) = self.ask("rowNames", &[prefix.into()]).await else { return Vec::new() };
        Array::from(&names).iter().filter_map(|name| name.as_string()).collect()
    }

    async fn seal(&self, row: &str, context: &[u8], plain: &SecretBytes) -> Option<Vec<u8>> {
        let plain = bytes(plain.expose());
        let sealed = self.ask("sealHere", &[row.into(), bytes(context), plain.clone()]).await;
        taken(&plain);
        Some(sealed.ok()?.dyn_ref::<Uint8Array>()?.to_vec())
    }
    async fn open(&self, row: &str, context: &[u8], sealed: &[u8]) -> Option<SecretBytes> {
        let opened = self.ask("openHere", &[row.into(), bytes(context), bytes(sealed)]).await.ok()?;
        taken(&opened).map(SecretBytes::new)
    }

    async fn keep_rsa(&self, row: &str, pkcs8: &SecretBytes) -> bool {
        let private = bytes(pkcs8.expose());
        let kept = self.ask("keepRsa", &[row.into(), private.clone()]).await;
        taken(&private);
        kept.is_ok_and(|kept| kept.is_truthy())
    }
    async fn hold_rsa(&self, row: &str) -> bool {
        self.ask("holdRsa", &[row.into()]).await.is_ok_and(|held| held.is_truthy())
    }
    async fn unwrap_rsa(&self, row: &str, label: &[u8; 32], body: &[u8]) -> Option<Result<SecretBytes>> {
        let opened = self.ask("unwrapKept", &[row.into(), bytes(label), bytes(body)]).await;
        match opened {
            Ok(opened) => taken(&opened).map(|opened| Ok(SecretBytes::new(opened))),
            Err(error) => Some(Err(known(&error))),
        }
    }
}
