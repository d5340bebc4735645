//! Conditional requests (RFC 9110, 13): entity tags, and the two headers that speak of them.

use poem::Request;
use poem_openapi::registry::{MetaParamIn, MetaSchema};

use crate::{
    PageVersion,
    parameter::{Param, Parameter},
    scalar::header,
};

/// A strong entity tag, quotes included: it changes whenever what it stands for does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ETag(String);

impl ETag {
    /// The tag of whatever `opaque` names the version of.
    pub(crate) fn of(opaque: impl std::fmt::Display) -> Self {
        Self(format!("\"{opaque}\""))
    }
}

impl From<PageVersion> for ETag {
    fn from(PageVersion(version): PageVersion) -> Self {
        Self::of(format_args!("{version:016x}"))
    }
}

header!(
    ETag,
    "etag",
    MetaSchema {
        pattern: Some(r#"^"[!#-~]+"$"#.to_owned()),
        example: Some("\"42.1795509000123456\"".into()),
        ..MetaSchema::new("string")
    }
);

/// What `If-Match` and `If-None-Match` hold: `*`, or a list of entity tags.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    Any,
    OneOf(Vec<Tag>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Tag {
    is_weak: bool,
    /// What stands between the quotes.
    opaque: String,
}

/// One tag: `etagc` is visible ASCII but `"`. Other bytes, which RFC 9110 allows, we never send.
const TAG: &str = r#"(W/)?"[!#-~]*""#;

impl Tags {
    /// Exactly what is read: a list may have empty elements too (RFC 9110, 5.6.1.2). White space around the
    /// whole never comes here; it is no part of a header's value.
    fn schema() -> MetaSchema {
        let pattern = format!(r"^([*]|(,[ \t,]*)?{TAG}([ \t]*,[ \t,]*{TAG})*([ \t,]*,)?)$");
        MetaSchema { pattern: Some(pattern), ..MetaSchema::new("string") }
    }

    /// Reads the value of the header, where it is there.
    fn read(text: Option<&str>) -> Result<Option<Self>, &'static str> {
        let detail = r#"must be * or a list of entity tags in their quotes, such as "a", "b""#;
        text.map(|text| Self::parse(text).ok_or(detail)).transpose()
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let is_space = |c: char| c == ' ' || c == '\t';
        let (mut rest, mut tags) = (text, Vec::new());
        loop {
            rest = rest.trim_start_matches(|c| is_space(c) || c == ',');
            if rest.is_empty() {
                break;
            }
            let (is_weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
            let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
            rest = after.trim_start_matches(is_space);
            let is_good =
                opaque.bytes().all(|byte| byte.is_ascii_graphic()) && (rest.is_empty() || rest.starts_with(','));
            if !is_good {
                return None;
            }
            tags.push(Tag { is_weak, opaque: opaque.to_owned() });
        }
        (!tags.is_empty()).then_some(Self::OneOf(tags))
    }
}

/// `If-Match`: do it only to a version that is named here.
#[derive(Debug, Clone)]
pub(crate) struct IfMatch(Option<Tags>);

impl IfMatch {
    /// What stands in the tags that may name a version; `None` where any version will do. A weak tag
    /// never does: it promises no more than that two versions mean the same.
    pub(crate) fn strong(&self) -> Option<impl Iterator<Item = &str>> {
        match &self.0 {
            None | Some(Tags::Any) => None,
            Some(Tags::OneOf(tags)) => Some(tags.iter().filter(|tag| !tag.is_weak).map(|tag| tag.opaque.as_str())),
        }
    }
}

impl Parameter for IfMatch {
    const NAME: &'static str = "If-Match";
    const IN: MetaParamIn = MetaParamIn::Header;

    fn schema() -> MetaSchema {
        Tags::schema()
    }

    fn read(text: Option<&str>) -> Result<Self, &'static str> {
        Tags::read(text).map(Self)
    }
}

/// Whether who sends `request` has that version of the answer, by `If-None-Match`; what cannot be read names none.
#[must_use]
pub fn has_version(request: &Request, version: &str) -> bool {
    Param::<IfNoneMatch>::read(request).is_ok_and(|known| known.names(&ETag::of(version)))
}

/// `If-None-Match`: send it only where it is none of the versions that are named here.
#[derive(Debug, Clone)]
pub(crate) struct IfNoneMatch(Option<Tags>);

impl IfNoneMatch {
    /// Whether any version is named at all.
    pub(crate) fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the version of `etag` is one of those named, weakly compared (RFC 9110, 13.1.2).
    pub(crate) fn names(&self, etag: &ETag) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::OneOf(tags)) => tags.iter().any(|tag| etag.0.trim_matches('"') == tag.opaque),
        }
    }
}

impl Parameter for IfNoneMatch {
    const NAME: &'static str = "If-None-Match";
    const IN: MetaParamIn = MetaParamIn::Header;

    fn schema() -> MetaSchema {
        Tags::schema()
    }

    fn read(text: Option<&str>) -> Result<Self, &'static str> {
        Tags::read(text).map(Self)
    }
}
