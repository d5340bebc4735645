//! Cursors: where a page begins, sealed.
//!
//! A cursor holds the key of the last task of the page before, which may be its title: so it is encrypted, lest titles
//! stand in the logs of every proxy. The owner and the query are authenticated with it, hence a cursor opens for nobody
//! else and for no other list. AES-GCM-SIV without a nonce, because the same page shall have the same cursor; all that
//! equal cursors tell is that they are equal.
//!
//! The key is kept in the database, beside the tasks that it guards: several servers understand one another's cursors,
//! a restart breaks none, and there need be no secret in the configuration (with keys of an issuer alone, there is
//! none). Deleting the row makes a new key at the next start. What was sealed before is refused then, so each page gets
//! another version too: whoever revalidates one would else keep its link for ever.

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
    error::Unspecified,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use todo_api::{Cursor, ListQuery, PageVersion, SortKey, UserId};

/// The length of the key in bytes.
pub(super) const KEY_LENGTH: usize = 32;

/// How cursors are written; to write them otherwise is another version.
const VERSION: u8 = 1;

/// The place of a task in the order of a list: the page after begins behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) key: Key,
    pub(super) id: i64,
}

/// What the order of the list compares, of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// Nothing but the id.
    Id,
    /// A moment in microseconds.
    Moment(i64),
    Title(String),
}

/// Seals positions, and opens what it has sealed.
#[derive(Debug)]
pub(super) struct Seal {
    key: LessSafeKey,
    /// Tells the key from others, and nothing of it.
    fingerprint: u64,
}

impl Seal {
    pub(super) fn new(key: &[u8]) -> Result<Self, Unspecified> {
        let fingerprint = digest(&SHA256, key).as_ref().first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
        Ok(Self { key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key)?), fingerprint })
    }

    /// The version, for whoever asks, of a page whose link is sealed with this key.
    pub(super) fn version(&self, PageVersion(version): PageVersion) -> PageVersion {
        PageVersion(version ^ self.fingerprint)
    }

    pub(super) fn seal(&self, owner: &UserId, query: &ListQuery, position: &Position) -> Result<Cursor, Unspecified> {
        let mut bytes = position.id.to_be_bytes().to_vec();
        match &position.key {
            Key::Id => {}
            Key::Moment(micros) => bytes.extend(micros.to_be_bytes()),
            Key::Title(title) => bytes.extend(title.as_bytes()),
        }
        self.key.seal_in_place_append_tag(nonce(), list(owner, query), &mut bytes)?;
        bytes.insert(0, VERSION);
        Ok(Cursor::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// `None` where the cursor was not sealed with this key, for this owner and this list.
    pub(super) fn open(&self, owner: &UserId, query: &ListQuery, cursor: &Cursor) -> Option<Position> {
        let mut bytes = URL_SAFE_NO_PAD.decode(cursor.as_str()).ok()?;
        let (version, sealed) = bytes.split_first_mut()?;
        if *version != VERSION {
            return None;
        }
        let position = self.key.open_in_place(nonce(), list(owner, query), sealed).ok()?;
        let (id, key) = position.split_first_chunk()?;
        let key = match query.sort.key {
            SortKey::Id => Key::Id,
            SortKey::CreatedAt | SortKey::UpdatedAt => Key::Moment(i64::from_be_bytes(key.try_into().ok()?)),
            SortKey::Title => Key::Title(String::from_utf8(key.to_vec()).ok()?),
        };
        Some(Position { key, id: i64::from_be_bytes(*id) })
    }
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

/// What a cursor is bound to: whose tasks, which of them, in which order. Not how many make a page.
fn list(owner: &UserId, query: &ListQuery) -> Aad<Vec<u8>> {
    let sort = match query.sort.key {
        SortKey::Id => 0,
        SortKey::CreatedAt => 1,
        SortKey::UpdatedAt => 2,
        SortKey::Title => 3,
    };
    let mut bytes = vec![VERSION, sort, query.sort.descending.into(), query.completed.map_or(2, u8::from)];
    bytes.extend(owner.as_str().as_bytes());
    // Neither has a U+0000, so the one ends where the other begins.
    bytes.push(0);
    bytes.extend(query.search.as_bytes());
    Aad::from(bytes)
}
