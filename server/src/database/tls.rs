//! Whom the database's certificate is held against.
//!
//! `sslmode=require` encrypts and takes any certificate, so whoever stands in between can show one. That is how
//! providers write their addresses, Neon for one; over a public network it is raised to `verify-full`, which such
//! providers' certificates pass.

use std::{borrow::Cow, error::Error as _, io, path::Path};

use sea_orm::{
    DbErr,
    sqlx::{
        self,
        postgres::{PgConnectOptions, PgSslMode},
    },
};
use url::Url;

use crate::{DatabaseUrl, host::is_public};

/// Has the certificate verified where the way to the database is public and encryption is required.
pub(crate) fn verified(address: PgConnectOptions) -> PgConnectOptions {
    if matches!(address.get_ssl_mode(), PgSslMode::Require) && is_public(address.get_host()) {
        return address.ssl_mode(PgSslMode::VerifyFull);
    }
    address
}

/// The refusal of an address that names a file of certificates, or of a key, which is not there: the driver would say
/// no more than that something is not found.
pub(super) fn lost_file(address: &PgConnectOptions, url: &DatabaseUrl) -> Option<DbErr> {
    let of_authority = ["sslrootcert", "ssl-root-cert", "ssl-ca"];
    let of_ours = ["sslcert", "ssl-cert", "sslkey", "ssl-key"];
    let is_used = |name: &str| match address.get_ssl_mode() {
        PgSslMode::VerifyCa | PgSslMode::VerifyFull => of_authority.contains(&name) || of_ours.contains(&name),
        PgSslMode::Require => of_ours.contains(&name),
        _ => false,
    };
    let is_lost = |(name, value): &(Cow<'_, str>, Cow<'_, str>)| {
        // A certificate may stand in the address itself.
        is_used(name) && !value.trim().starts_with("-----BEGIN") && !Path::new(&**value).exists()
    };
    let url = Url::parse(url.expose()).ok()?;
    let (name, _) = url.query_pairs().find(is_lost)?;
    Some(DbErr::Custom(format!("its {name} names no file; correct the path")))
}

/// A server without TLS, or a certificate that does not verify, in words that say what to do; `None` for any other
/// error.
pub(super) fn refusal(error: &sqlx::Error) -> Option<DbErr> {
    let cause = match error {
        // The driver's words where the server declines; no certificate was seen.
        sqlx::Error::Tls(cause) if cause.to_string() == "server does not support TLS" => {
            return Some(DbErr::Custom(
                "it has no TLS, which the sslmode of the address asks for; turn ssl on there, or, in a private network, \
                 write sslmode=disable"
                    .to_owned(),
            ));
        }
        sqlx::Error::Tls(cause) => cause.to_string(),
        sqlx::Error::Io(cause) if cause.kind() == io::ErrorKind::InvalidData => {
            cause.source().map_or_else(|| cause.to_string(), ToString::to_string)
        }
        _ => return None,
    };
    let is_of_another_host = cause.contains("not valid for name");
    let remedy = if is_of_another_host {
        "write the host of the address as the certificate has it"
    } else {
        "add sslrootcert=<file of its authority> to the address"
    };
    Some(DbErr::Custom(format!(
        "its certificate does not verify ({cause}); {remedy}, or set DATABASE_VERIFY_TLS=false to have \
         sslmode=require take any certificate"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(address: &str) -> String {
        format!("{:?}", verified(address.parse().expect("an address")).get_ssl_mode())
    }

    #[test]
    fn a_public_host_is_verified_where_encryption_is_required() {
        for host in ["ep-a-b-123-pooler.eu-central-1.aws.neon.tech", "8.8.8.8", "[2606:4700::1111]", "db.example.com."]
        {
            assert_eq!(mode(&format!("postgresql://ann@{host}/todo?sslmode=require")), "VerifyFull", "{host}");
        }
        assert_eq!(mode("postgresql:///todo?host=db.example.com&sslmode=require"), "VerifyFull");
    }

    #[test]
    fn a_host_near_by_is_taken_as_the_address_says() {
        for host in [
            "localhost",
            "db",
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.7",
            "169.254.1.2",
            "[::1]",
            "[fd00::7]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
            "db.internal",
            "printer.local",
            "nas.lan",
            "db.test",
            "db.home.arpa",
        ] {
            assert_eq!(mode(&format!("postgresql://ann@{host}/todo?sslmode=require")), "Require", "{host}");
        }
        assert_eq!(mode("postgresql:///todo?host=/run/postgres.ql&sslmode=require"), "Require");
    }

    #[test]
    fn another_mode_is_taken_as_it_is_written() {
        for (written, meant) in [("disable", "Disable"), ("prefer", "Prefer"), ("verify-ca", "VerifyCa")] {
            assert_eq!(mode(&format!("postgresql://ann@db.example.com/todo?sslmode={written}")), meant);
        }
    }
}
