//! TLS to PostgreSQL, as the address asks for it.
//!
//! `sslmode` is PostgreSQL's, but that `require` verifies as `verify-full` does: an encrypted connection to nobody knows whom is none. So does no
//! `sslmode`, but on this machine; `prefer` takes what it gets, and may end without TLS; `disable` never asks. `sslrootcert` is a PEM file in the place of the system's roots.

use core::{fmt::Write as _, net::IpAddr};
use std::{fs::File, io::BufReader, sync::Arc};

use postgres::{
    Config,
    config::{Host, SslMode},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;
use wardkey_rules::{Kept, StoreError};

/// A database, and how to speak with it.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) tls: MakeRustlsConnect,
}

fn refuse(text: &str) -> StoreError {
    StoreError(format!("the database's address: {text}"))
}

impl Address {
    /// Reads a URL. What is said of a wrong one doesn't hold it: there is a password in it.
    pub(crate) fn parse(url: &str) -> Kept<Self> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(refuse("it begins with postgres://"));
        }
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut left, mut verifies, mut roots) = (Vec::new(), false, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').ok_or_else(|| refuse("a parameter without a value"))? {
                ("sslmode", "require" | "verify-ca" | "verify-full") => {
                    verifies = true;
                    left.push("sslmode=require");
                }
                ("sslrootcert", path) => roots = Some(decoded(path)?),
                _ => left.push(pair),
            }
        }
        let url = [place, "?", &left.join("&")].concat();
        let mut config: Config = url.parse().map_err(|error: postgres::Error| refuse(&error.to_string()))?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(core::time::Duration::from_secs(5));
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(core::time::Duration::from_secs(20));
        }
        // What goes over a network goes to whom it is for, unless the address says otherwise.
        let says = query.split('&').any(|pair| pair.starts_with("sslmode="));
        let verifies = verifies || (!says && !config.get_hosts().iter().all(is_near));
        let verifies = verifies || (roots.is_some() && config.get_ssl_mode() != SslMode::Disable);
        if verifies {
            config.ssl_mode(SslMode::Require);
        }
        Ok(Self { config, tls: MakeRustlsConnect::new(client(verifies, roots.as_deref())?) })
    }
}

/// On this machine.
fn is_near(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        Host::Unix(_) => true,
    }
}

fn client(verifies: bool, roots: Option<&str>) -> Kept<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(&error.to_string()))?;
    if !verifies {
        let trusting = Arc::new(Trusting(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(trusting).with_no_client_auth());
    }
    let mut store = RootCertStore::empty();
    if let Some(path) = roots {
        let unread = |what: String| refuse(&["sslrootcert: ", &what].concat());
        let file = File::open(path).map_err(|error| unread(error.to_string()))?;
        for certificate in CertificateDer::pem_reader_iter(BufReader::new(file)) {
            let certificate = certificate.map_err(|error| unread(error.to_string()))?;
            store.add(certificate).map_err(|error| unread(error.to_string()))?;
        }
    } else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if store.is_empty() {
        return Err(refuse("there are no root certificates to verify it by: see sslrootcert"));
    }
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

/// `%41` is `A`.
fn decoded(text: &str) -> Kept<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let mut hex = String::new();
                for digit in rest.by_ref().take(2) {
                    write!(hex, "{}", char::from(digit)).map_err(|_| refuse("a wrong % in it"))?;
                }
                u8::from_str_radix(&hex, 16).map_err(|_| refuse("a wrong % in it"))?
            }
            byte => byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).map_err(|_| refuse("a wrong % in it"))
}

/// Whoever it is: as PostgreSQL's `prefer` has it.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
