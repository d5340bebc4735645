//! Who asks. An operation that takes a [`Caller`] is secured, in the document and in fact: there is no other way to
//! have one than a verified token.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use poem::{Request, RequestBody, http::header::AUTHORIZATION};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
    types::Example,
};
use serde::Serialize;

use crate::{
    Allowance, Failure, Internal, Outcome, Problem, RequestContext, Share, Unidentified,
    problem::failed,
    scalar::scalar,
    text::{NO_NUL, Shape},
};

/// The id of a user: 1 to 255 code points without U+0000, as Better Auth or any other issuer made it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct UserId(String);

impl UserId {
    const SHAPE: Shape =
        Shape { min_length: Some(1), max_length: 255, pattern: NO_NUL, example: "h7A8flWMBXeXcxVTFROYa5ao16NyNbfj" };

    /// Takes `id` if it can be one; `None` where it is empty, too long, or has a U+0000.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        let length = id.chars().count();
        ((1..=Self::SHAPE.max_length).contains(&length) && !id.contains('\0')).then(|| Self(id.to_owned()))
    }

    /// The id as a store has it, which was parsed before: it is not checked again.
    #[must_use]
    pub fn stored(id: String) -> Self {
        Self(id)
    }

    /// The id as the token had it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

scalar!(
    UserId, "user_id",
    schema: Self::SHAPE.schema(),
    read: |value: &serde_json::Value| value.as_str().and_then(Self::parse),
    write: |this: &Self| this.as_str().into()
);

impl Example for UserId {
    fn example() -> Self {
        Self(Self::SHAPE.example.to_owned())
    }
}

/// The port that turns a token into a user.
///
/// Boxed, unlike the other ports: an argument of an operation is extracted by its type alone, so the keeper has to be
/// found at run time.
pub trait Tokens: Send + Sync + 'static {
    /// The user that `token` stands for. What it refuses with is shown to whoever sent the token.
    fn user<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Outcome<UserId, Unidentified>>;

    /// Told of a request that was refused before there was a token to verify.
    fn lacking(&self, why: &Unidentified);
}

/// The keeper of [`Tokens`], as request data.
#[derive(Clone)]
pub(crate) struct Verifier(pub(crate) Arc<dyn Tokens>);

/// The user who asks, proved by a bearer token (RFC 6750). Take it as the first argument of an operation: arguments are
/// read in their order, so a stranger's body is never read.
#[derive(Debug)]
pub struct Caller(UserId);

impl Caller {
    /// Who it is.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.0
    }
}

const SCHEME: &str = "bearer";

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            SCHEME,
            MetaSecurityScheme {
                ty: "http",
                description: Some(
                    "A JSON Web Token that your frontend gets from its Better Auth server, or one signed with the \
                     secret that this server shares with the API. Your user id is the first present of the claims \
                     `userId`, `user_id`, `sub`, `id`; `exp` is required.",
                ),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: Some("JWT"),
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let Some(Verifier(tokens)) = request.data() else {
            return Err(failed(Internal::new("the service was mounted without a verifier of tokens")));
        };
        let token = bearer_token(request).inspect_err(|why| tokens.lacking(why)).map_err(Problem::from)?;
        let allowance = request.data::<Arc<dyn Allowance>>();
        let user = tokens.user(token).await.map_err(|failure| match failure {
            Failure::Refused(unidentified) => {
                let exceeded = allowance.and_then(|allowance| allowance.fail().err());
                exceeded.map_or_else(|| Problem::from(unidentified), Problem::from)
            }
            Failure::Broken(broken) => broken.into(),
        })?;
        // Before it may be refused: the log says who asks too often.
        if let Some(context) = request.data::<Arc<RequestContext>>() {
            context.note_caller(&user);
        }
        allowance.map_or(Ok(()), |allowance| allowance.spend(&user)).map_err(Problem::from)?;
        let share = request.data::<Arc<dyn Share>>();
        share.map_or(Ok(()), |share| share.claim(&user)).map_err(Problem::from)?;
        Ok(Self(user))
    }
}

/// The token of the one `Authorization: Bearer …`; the scheme in any case, as RFC 9110 has it.
fn bearer_token(request: &Request) -> Result<&str, Unidentified> {
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let header = headers.next().ok_or(Unidentified::NoToken)?;
    if headers.next().is_some() {
        return Err(Unidentified::because("several Authorization headers were sent; send one"));
    }
    let header = header
        .to_str()
        .map_err(|_| Unidentified::because("the Authorization header holds characters outside visible ASCII"))?;
    bearer(header).filter(|token| !token.is_empty()).ok_or(Unidentified::NoToken)
}

/// What stands behind the scheme `Bearer`, which may be in any case (RFC 9110, 11.1); `None` where the scheme is
/// another.
#[must_use]
pub fn bearer(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}
