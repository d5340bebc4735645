//! Types of one JSON value.

/// Makes `$type` a type of the document, of which `$schema` is published.
///
/// A macro, because the framework's trait asks for five items that say the same for each such type.
macro_rules! published {
    ($type:ty, $name:literal, $schema:expr) => {
        impl poem_openapi::types::Type for $type {
            const IS_REQUIRED: bool = true;

            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
    };
}

/// The same, with the way from and to JSON. A body is read only once it fits its schema, to which `$read` need not hold
/// it again.
macro_rules! scalar {
    ($type:ty, $name:literal, schema: $schema:expr, read: $read:expr, write: $write:expr) => {
        $crate::scalar::published!($type, $name, $schema);

        impl poem_openapi::types::ParseFromJSON for $type {
            fn parse_from_json(value: Option<serde_json::Value>) -> poem_openapi::types::ParseResult<Self> {
                let value = value.unwrap_or_default();
                $read(&value).ok_or_else(|| poem_openapi::types::ParseError::expected_type(value))
            }
        }

        impl poem_openapi::types::ToJSON for $type {
            fn to_json(&self) -> Option<serde_json::Value> {
                Some($write(self))
            }
        }
    };
}

/// As `published`, for a header: `$type` holds its text, which is sent as it is.
macro_rules! header {
    ($type:ty, $name:literal, $schema:expr) => {
        $crate::scalar::published!($type, $name, $schema);

        impl poem_openapi::types::ToHeader for $type {
            fn to_header(&self) -> Option<poem::http::HeaderValue> {
                self.0.parse().ok()
            }
        }
    };
}

pub(crate) use {header, published, scalar};
