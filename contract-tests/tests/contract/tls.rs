//! Whom the server takes for its database: PostgreSQL with good certificates and with wrong ones.

use std::{
    fs,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use todo_contract_tests::{Cluster, ServerProcess, temporary_folder};

/// A way to this machine that does not look like one, and so counts as public.
const PUBLIC: &str = "0.0.0.0";

/// An authority, and what it signs.
struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Self {
        let mut of_authority = CertificateParams::new([]).expect("parameters");
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = of_authority.self_signed(&key).expect("a certificate").pem();
        Self(Issuer::new(of_authority, key), pem)
    }

    /// Has the server show a certificate for `host`.
    fn certify(&self, cluster: &Cluster, host: &str) {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new([host.to_owned()]).expect("parameters").signed_by(&key, &self.0);
        cluster.certify(&certificate.expect("a certificate").pem(), &key.serialize_pem());
    }
}

/// Asks for the state of migrations, which is answered where the database is taken for the right one.
fn connects(url: &str, variables: &[(&str, &str)]) -> Result<(), String> {
    let variables = [&[("DATABASE_URL", url), ("DATABASE_START_TIMEOUT", "20")], variables].concat();
    let ended = ServerProcess::run(&["migrate", "status"], &variables);
    if ended.is_well() { Ok(()) } else { Err(ended.said) }
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_to_a_public_host_is_with_who_it_says() {
    let (cluster, ours, foreign) = (Cluster::start(), Authority::new(), Authority::new());
    let folder = temporary_folder();
    let root = folder.path().join("authority.pem");
    fs::write(&root, &ours.1).expect("a file");
    let near = cluster.url("postgres") + "?sslmode=require";
    let public = near.replace("127.0.0.1", PUBLIC);
    let rooted = format!("{public}&sslrootcert={}", root.display());
    let refused = |url: &str| {
        let said = connects(url, &[]).expect_err("it is refused");
        assert!(said.contains("certificate does not verify") && said.contains("DATABASE_VERIFY_TLS=false"), "{said}");
    };
    for asked in [&public, &near] {
        let said = connects(asked, &[]).expect_err("a server without TLS is refused");
        assert!(said.contains("it has no TLS") && said.contains("sslmode=disable"), "{said}");
        assert!(!said.contains("certificate"), "{said}");
    }

    let started = Instant::now();
    let said = connects(&format!("{public}&sslrootcert=/nowhere/authority.pem"), &[]).expect_err("it is refused");
    assert!(said.contains("its sslrootcert names no file; correct the path"), "{said}");
    let said = connects(&format!("{near}&sslkey=/nowhere/key.pem"), &[]).expect_err("it is refused");
    assert!(said.contains("its sslkey names no file; correct the path"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(15), "they are not waited for");

    ours.certify(&cluster, PUBLIC);
    connects(&rooted, &[]).expect("the good one");
    refused(&public);
    connects(&public, &[("DATABASE_VERIFY_TLS", "false")]).expect("the way back");
    connects(&near, &[]).expect("near by, the address is taken as it is written");

    ours.certify(&cluster, "db.example.com");
    refused(&rooted);
    let said = connects(&rooted, &[]).expect_err("it is refused");
    assert!(
        said.contains("write the host of the address as the certificate") && !said.contains("add sslroot"),
        "{said}"
    );
    connects(&rooted, &[("DATABASE_VERIFY_TLS", "false")]).expect("of the authority, if not of the host");

    foreign.certify(&cluster, PUBLIC);
    refused(&rooted);
}
