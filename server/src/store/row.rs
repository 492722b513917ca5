//! A row of a query, column by column.

use std::vec;

use wardkey::{identity::UserId, party::Party, signed::Hash};
use wardkey_rules::{Kept, StoreError};

use super::connection::Value;

/// A row, of which columns are taken from left to right.
#[derive(Clone, Debug)]
pub struct Row(vec::IntoIter<Value>);

pub(crate) fn broken() -> StoreError {
    StoreError("a row that can't be read".to_owned())
}

impl Row {
    /// A row of these columns.
    #[must_use]
    pub fn new(columns: Vec<Value>) -> Self {
        Self(columns.into_iter())
    }

    /// All of them.
    pub(crate) fn values(self) -> impl Iterator<Item = Value> {
        self.0
    }

    fn next(&mut self) -> Kept<Value> {
        self.0.next().ok_or_else(broken)
    }

    pub(crate) fn int(&mut self) -> Kept<u64> {
        self.int_or_null()?.ok_or_else(broken)
    }

    pub(crate) fn int_or_null(&mut self) -> Kept<Option<u64>> {
        match self.next()? {
            Value::Null => Ok(None),
            Value::Int(number) => u64::try_from(number).map(Some).map_err(|_| broken()),
            _ => Err(broken()),
        }
    }

    pub(crate) fn flag(&mut self) -> Kept<bool> {
        match self.int()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(broken()),
        }
    }

    pub(crate) fn text(&mut self) -> Kept<String> {
        self.text_or_null()?.ok_or_else(broken)
    }

    pub(crate) fn text_or_null(&mut self) -> Kept<Option<String>> {
        match self.next()? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            _ => Err(broken()),
        }
    }

    pub(crate) fn bytes(&mut self) -> Kept<Vec<u8>> {
        self.bytes_or_null()?.ok_or_else(broken)
    }

    pub(crate) fn bytes_or_null(&mut self) -> Kept<Option<Vec<u8>>> {
        match self.next()? {
            Value::Null => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes)),
            _ => Err(broken()),
        }
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Kept<[u8; N]> {
        self.bytes()?.try_into().map_err(|_| broken())
    }

    pub(crate) fn hash(&mut self) -> Kept<Hash> {
        Ok(Hash(self.fixed()?))
    }

    pub(crate) fn user(&mut self) -> Kept<UserId> {
        self.user_or_null()?.ok_or_else(broken)
    }

    pub(crate) fn user_or_null(&mut self) -> Kept<Option<UserId>> {
        self.text_or_null()?.map(|name| UserId::new(&name).map_err(|_| broken())).transpose()
    }

    pub(crate) fn party(&mut self) -> Kept<Party> {
        Party::from_bytes(&self.bytes()?).map_err(|_| broken())
    }
}
