//! A file that is the same for everybody: compressed once, and sent only to who has it not yet.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use poem::{
    Endpoint, Request, Response,
    http::{HeaderMap, StatusCode, header},
};
use todo_api::has_version;

use super::compressed;

/// A file, in every coding that it is sent in.
pub(super) struct File {
    content_type: &'static str,
    cache_control: &'static str,
    plain: Variant,
    gzip: Coded,
    brotli: Coded,
}

/// A variant that is made when it is first asked for, so that the start need not wait for it.
type Coded = LazyLock<Variant, Box<dyn FnOnce() -> Variant + Send>>;

/// A file in one coding, with the tag of its bytes: other bytes have another (RFC 9110, 8.8.3.3).
struct Variant {
    content: Bytes,
    tag: String,
}

impl File {
    /// A file that browsers keep, asking each time whether theirs is still the current one.
    pub(super) fn new(content_type: &'static str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let (one, other) = (content.clone(), content.clone());
        Self {
            content_type,
            cache_control: "no-cache",
            plain: Variant::new(content),
            gzip: coded(move || compressed::gzip(&one).into()),
            brotli: coded(move || compressed::brotli(&other, 9).into()),
        }
    }

    /// The same, of what was compressed ahead of time.
    pub(super) fn compressed(
        content_type: &'static str,
        plain: &'static [u8],
        gzip: &'static [u8],
        brotli: &'static [u8],
    ) -> Self {
        Self {
            gzip: coded(move || gzip.into()),
            brotli: coded(move || brotli.into()),
            ..Self::new(content_type, plain)
        }
    }

    /// The same for a path that changes with the content: nobody asks twice.
    pub(super) fn immutable(self) -> Self {
        Self { cache_control: "public, max-age=31536000, immutable", ..self }
    }

    /// A part of a path that changes with the content.
    pub(super) fn version(&self) -> &str {
        &self.plain.tag
    }

    /// The variant that the request likes best, and its coding; of those that it likes the same, the smallest one.
    fn best(&self, headers: &HeaderMap) -> (&Variant, Option<&'static str>) {
        let by_name_or_any = |coding| named(headers, coding).or_else(|| named(headers, "*")).unwrap_or_default();
        let [brotli, gzip] = ["br", "gzip"].map(by_name_or_any);
        // What is in no coding is accepted by anybody, and liked by who names it.
        let plain = named(headers, "identity").unwrap_or_default();
        if brotli > 0.0 && brotli >= gzip && brotli >= plain {
            (&self.brotli, Some("br"))
        } else if gzip > 0.0 && gzip >= plain {
            (&self.gzip, Some("gzip"))
        } else {
            (&self.plain, None)
        }
    }
}

fn coded(content: impl FnOnce() -> Bytes + Send + 'static) -> Coded {
    LazyLock::new(Box::new(|| Variant::new(content())))
}

impl Variant {
    fn new(content: Bytes) -> Self {
        // 72 bits tell versions apart; nobody gains by forging one.
        let tag = BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, &content).as_ref()[..9]);
        Self { content, tag }
    }
}

impl Endpoint for File {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let (variant, coding) = self.best(request.headers());
        let mut response = Response::builder()
            .header(header::ETAG, format!("\"{}\"", variant.tag))
            .header(header::CACHE_CONTROL, self.cache_control)
            .header(header::VARY, "Accept-Encoding");
        if has_version(&request, &variant.tag) {
            return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
        }
        if let Some(coding) = coding {
            response = response.header(header::CONTENT_ENCODING, coding);
        }
        Ok(response.content_type(self.content_type).body(variant.content.clone()))
    }
}

/// The weight that the request gives a coding of that name (RFC 9110, 12.5.3): 0 where it is not accepted, and none
/// where it is not named.
fn named(headers: &HeaderMap, name: &str) -> Option<f32> {
    let given = headers.get_all(header::ACCEPT_ENCODING);
    let mut items = given.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    items.find_map(|item| {
        let (item, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        let weight = weight.trim().trim_start_matches(['q', 'Q']).trim_start_matches('=').parse::<f32>();
        item.trim().eq_ignore_ascii_case(name).then(|| weight.unwrap_or_default())
    })
}
