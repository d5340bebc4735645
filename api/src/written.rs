//! JSON that is written before its answer is made, so that it may be kept.

use std::{marker::PhantomData, ops::Range};

use bytes::Bytes;
use poem::{
    Body, IntoResponse, Response,
    http::{HeaderValue, header::CONTENT_TYPE},
};
use poem_openapi::{
    payload::Payload,
    registry::{MetaSchemaRef, Registry},
    types::Type,
};
use serde::Serialize;

use crate::json::Json;

/// Room for the headers that are added to an answer on its way, made at once: growing it step by step takes longer than
/// filling it.
const HEADERS: usize = 16;

/// The JSON of a `T`.
#[derive(Debug, Clone)]
pub struct Written<T> {
    json: Bytes,
    of: PhantomData<fn() -> T>,
}

impl<T: Type + Serialize> Written<T> {
    /// Writes `value`.
    ///
    /// # Errors
    ///
    /// Where `value` cannot be written as JSON; all types of the contract can.
    pub fn of(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self { json: serde_json::to_vec(value)?.into(), of: PhantomData })
    }

    /// The JSON.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.json
    }
}

impl<T> Written<Vec<T>> {
    /// The item that is at those bytes.
    ///
    /// # Panics
    ///
    /// Where the list ends before.
    #[must_use]
    pub fn item(&self, place: Range<usize>) -> Written<T> {
        // Copied: a part would keep all of the list, for as long as a client takes its time.
        Written { json: Bytes::copy_from_slice(&self.json[place]), of: PhantomData }
    }
}

/// Writes a list, item by item.
#[derive(Debug)]
pub struct ListWriter<T> {
    json: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize> ListWriter<T> {
    /// A list of nothing yet, with room for so many bytes.
    #[must_use]
    pub fn new(room: usize) -> Self {
        let mut json = Vec::with_capacity(room);
        json.push(b'[');
        Self { json, of: PhantomData }
    }

    /// Writes an item, and returns the offset of its end. The first item begins at 1, each other one a byte, the comma,
    /// after the end of the one before.
    ///
    /// # Errors
    ///
    /// As [`Written::of`].
    pub fn write(&mut self, item: &T) -> Result<usize, serde_json::Error> {
        self.begin();
        serde_json::to_writer(&mut self.json, item)?;
        Ok(self.json.len())
    }

    /// The same, of an item that is written already.
    pub fn copy(&mut self, json: &[u8]) -> usize {
        self.begin();
        self.json.extend_from_slice(json);
        self.json.len()
    }

    fn begin(&mut self) {
        if self.json.len() > 1 {
            self.json.push(b',');
        }
    }

    /// The list.
    #[must_use]
    pub fn end(mut self) -> Written<Vec<T>> {
        self.json.push(b']');
        // It may be kept, so it is copied into as much room as it needs: shrunk in place, it would keep what is left
        // over, as long as that is less than half.
        let is_full = self.json.len() == self.json.capacity();
        let json = if is_full { self.json.into() } else { Bytes::copy_from_slice(&self.json) };
        Written { json, of: PhantomData }
    }
}

impl<T: Type> Payload for Written<T> {
    const CONTENT_TYPE: &'static str = Json::<T>::CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        Json::<T>::schema_ref()
    }

    fn register(registry: &mut Registry) {
        Json::<T>::register(registry);
    }
}

impl<T: Type> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        let mut response = Response::from(Body::from_bytes(self.json));
        response.headers_mut().reserve(HEADERS);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(Self::CONTENT_TYPE));
        response
    }
}
