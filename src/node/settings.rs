//! Settings from the plain objects that `lib/pg/settings.js` makes.

use std::time::Duration;

use napi::bindgen_prelude::*;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslNegotiation};

use crate::config::{
    ClientIdentity, PoolSettings, RequiredAuth, ServerSettings, SessionTarget, Sharing, TlsSettings, TlsVersion,
};

/// Queries that share a connection at most, unless the caller says otherwise: see docs/decisions/0024.
const PIPELINE_DEPTH: u32 = 256;

/// Reads the settings of a server.
pub fn server(object: &Object<'_>) -> Result<ServerSettings> {
    let mut server = Config::new();
    for host in object.get::<Vec<Object<'_>>>("hosts")?.unwrap_or_default() {
        let name = host.get::<String>("host")?.unwrap_or_default();
        let port = host.get::<u32>("port")?.and_then(|port| u16::try_from(port).ok());
        server.host(name).port(port.ok_or_else(|| invalid("a port must be a number from 1 to 65535"))?);
    }
    server.user(text(object, "user")?.unwrap_or_default());
    if let Some(database) = text(object, "database")? {
        server.dbname(database);
    }
    if let Some(password) = text(object, "password")? {
        server.password(password);
    }
    server.channel_binding(match text(object, "channelBinding")?.as_deref() {
        Some("disable") => ChannelBinding::Disable,
        Some("require") => ChannelBinding::Require,
        _ => ChannelBinding::Prefer,
    });
    let tls = match object.get::<Either<Object<'_>, Null>>("ssl")? {
        Some(Either::A(ssl)) => {
            if text(&ssl, "negotiation")?.as_deref() == Some("direct") {
                server.ssl_negotiation(SslNegotiation::Direct);
            }
            Some(tls(&ssl)?)
        }
        _ => None,
    };
    let keepalive = flag(object, "keepAlive")?.then(|| millis(object, "keepAliveInitialDelayMillis")).transpose()?;
    Ok(ServerSettings {
        server,
        session: session(text(object, "targetSessionAttrs")?.as_deref()),
        tls,
        startup: startup(object)?,
        asks_for_password: flag(object, "passwordProvider")?,
        auto_prepare: flag(object, "autoPrepare")?,
        required_auth: required_auth(object)?,
        scram_max_iterations: object.get::<Either<f64, Null>>("scramMaxIterations")?.and_then(|most| match most {
            Either::A(most) => Some(whole(most)),
            Either::B(_) => None,
        }),
        connect_timeout: limit(object, "connectTimeoutMillis")?,
        keepalive: keepalive.map(Duration::from_millis),
    })
}

/// Reads the limits of a pool with connections to `server`.
pub fn pool(object: &Object<'_>, server: &ServerSettings) -> Result<PoolSettings> {
    let count = |name: &str| -> Result<Option<f64>> {
        Ok(object.get::<f64>(name)?.filter(|count| count.is_finite() && *count > 0.0))
    };
    let seconds = count("maxLifetimeSeconds")?;
    Ok(PoolSettings {
        max: count("max")?.map_or(10, whole).max(1) as usize,
        min: count("min")?.map_or(0, whole) as usize,
        idle_timeout: limit(object, "idleTimeoutMillis")?,
        wait_timeout: limit(object, "connectionTimeoutMillis")?,
        max_uses: count("maxUses")?.map(|uses| u64::from(whole(uses))),
        max_lifetime: seconds.map(Duration::from_secs_f64),
        max_waiting: count("maxWaiting")?.map(|waiting| whole(waiting) as usize),
        pipeline_depth: count("pipelineDepth")?.map_or(PIPELINE_DEPTH, whole) as usize,
        sharing: match text(object, "sharing")?.as_deref() {
            Some("reads") => Sharing::Reads,
            Some("all") => Sharing::All,
            Some("none") => Sharing::None,
            _ => Sharing::by_ports(server.server.get_ports()),
        },
    })
}

fn tls(ssl: &Object<'_>) -> Result<TlsSettings> {
    let pem = text(ssl, "cert")?.zip(text(ssl, "key")?).map(|(chain, key)| ClientIdentity::Pem { chain, key });
    let archive = match ssl.get::<Either<Buffer, Null>>("pfx")? {
        Some(Either::A(der)) => {
            let passphrase = text(ssl, "passphrase")?.unwrap_or_default();
            Some(ClientIdentity::Archive { der: der.to_vec(), passphrase })
        }
        _ => None,
    };
    Ok(TlsSettings {
        verify: flag(ssl, "rejectUnauthorized")?,
        verify_name: flag(ssl, "checkServerIdentity")?,
        identity_check: text(ssl, "identityCheck")?,
        roots: texts(ssl, "ca")?,
        identity: pem.or(archive),
        server_name: text(ssl, "servername")?,
        optional: flag(ssl, "prefer")?,
        oldest: version(text(ssl, "minVersion")?.as_deref()),
        newest: version(text(ssl, "maxVersion")?.as_deref()),
        ciphers: text(ssl, "ciphers")?,
        suites: text(ssl, "cipherSuites")?,
        signatures: text(ssl, "sigalgs")?,
        groups: text(ssl, "ecdhCurve")?,
        options: ssl.get::<f64>("secureOptions")?.map_or(0, |bits| bits.max(0.0) as u64),
        protocols: texts(ssl, "ALPNProtocols")?.unwrap_or_default(),
        partial_chain: flag(ssl, "allowPartialTrustChain")?,
        least_dh_bits: ssl.get::<f64>("minDHSize")?.map_or(0, whole),
    })
}

fn version(name: Option<&str>) -> Option<TlsVersion> {
    match name {
        Some("TLSv1") => Some(TlsVersion::V1_0),
        Some("TLSv1.1") => Some(TlsVersion::V1_1),
        Some("TLSv1.2") => Some(TlsVersion::V1_2),
        Some("TLSv1.3") => Some(TlsVersion::V1_3),
        _ => None,
    }
}

fn required_auth(object: &Object<'_>) -> Result<Option<RequiredAuth>> {
    let given = text(object, "requireAuth")?;
    Ok(given.zip(texts(object, "allowedAuth")?).map(|(text, allowed)| RequiredAuth { text, allowed }))
}

fn session(target: Option<&str>) -> SessionTarget {
    match target {
        Some("read-write") => SessionTarget::ReadWrite,
        Some("read-only") => SessionTarget::ReadOnly,
        Some("primary") => SessionTarget::Primary,
        Some("standby") => SessionTarget::Standby,
        Some("prefer-standby") => SessionTarget::PreferStandby,
        _ => SessionTarget::Any,
    }
}

fn startup(object: &Object<'_>) -> Result<Vec<(String, String)>> {
    let pairs = object.get::<Vec<Vec<String>>>("startup")?.unwrap_or_default();
    Ok(pairs.into_iter().filter_map(|pair| <[String; 2]>::try_from(pair).ok()).map(Into::into).collect())
}

fn text(object: &Object<'_>, name: &str) -> Result<Option<String>> {
    match object.get::<Either<String, Null>>(name)? {
        Some(Either::A(text)) => Ok(Some(text)),
        _ => Ok(None),
    }
}

fn texts(object: &Object<'_>, name: &str) -> Result<Option<Vec<String>>> {
    match object.get::<Either<Vec<String>, Null>>(name)? {
        Some(Either::A(texts)) => Ok(Some(texts)),
        _ => Ok(None),
    }
}

fn flag(object: &Object<'_>, name: &str) -> Result<bool> {
    Ok(object.get::<bool>(name)?.unwrap_or(false))
}

fn millis(object: &Object<'_>, name: &str) -> Result<u64> {
    Ok(object.get::<f64>(name)?.map_or(0, |millis| u64::from(whole(millis))))
}

/// A time limit; 0 and Infinity set none.
fn limit(object: &Object<'_>, name: &str) -> Result<Option<Duration>> {
    let millis = object.get::<f64>(name)?.filter(|millis| millis.is_finite() && *millis > 0.0);
    Ok(millis.map(|millis| Duration::from_secs_f64(millis / 1000.0)))
}

/// The nearest whole number that fits.
fn whole(number: f64) -> u32 {
    number.clamp(0.0, f64::from(u32::MAX)) as u32
}

fn invalid(message: &str) -> Error {
    Error::new(Status::InvalidArg, message)
}
