//! `GET /ipfs/CID/path`, the trustless gateway of IPFS.
//!
//! With `?format=raw` or `car` (or `Accept: application/vnd.ipld.raw`, `…car`) it gives
//! blocks that the client can check by itself, otherwise the bytes of the file. Source:
//! the specifications of the IPFS path gateway and trustless gateway.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use boatyard_dag::walk::{self, Limits, Scope};
use boatyard_dag::{block, car, export};
use cid::Cid;

use super::answer::{Content, kind_of, part, text};
use super::blocks::Blocks;
use super::{Counter, payment};
use crate::http::Refusal;

/// The most bytes in an answer.
pub const MAX_FILE: u64 = 256 << 20;

const RAW: &str = "application/vnd.ipld.raw";
const CAR: &str = "application/vnd.ipld.car";

type Asked = Result<Query<HashMap<String, String>>, QueryRejection>;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    root: Cid,
    path: Vec<String>,
    form: Form,
}

/// In which form.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// The bytes of a file.
    File,
    /// One block.
    Raw,
    /// Blocks, in a CAR.
    Car { scope: CarScope, duplicates: bool },
}

/// Which blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CarScope {
    Block,
    Entity(Option<(i64, Option<i64>)>),
    All,
}

/// `GET /ipfs/CID`.
pub async fn root(
    State(counter): State<Arc<Counter>>,
    method: Method,
    headers: HeaderMap,
    Path(cid): Path<String>,
    query: Asked,
) -> Result<Response, Refusal> {
    serve(counter, method, headers, cid, "", query).await
}

/// `GET /ipfs/CID/path`.
pub async fn path(
    State(counter): State<Arc<Counter>>,
    method: Method,
    headers: HeaderMap,
    Path((cid, path)): Path<(String, String)>,
    query: Asked,
) -> Result<Response, Refusal> {
    serve(counter, method, headers, cid, &path, query).await
}

async fn serve(
    counter: Arc<Counter>,
    method: Method,
    headers: HeaderMap,
    cid: String,
    path: &str,
    query: Asked,
) -> Result<Response, Refusal> {
    let Query(query) = query.map_err(|error| Refusal::bad(error.body_text()))?;
    let wanted = Wanted::of(&cid, path, &query, &headers)?;
    let asked = headers.clone();
    let ready = counter
        .work(move |counter| {
            let blocks = Blocks::of(counter);
            match prepare(&blocks, &wanted, &asked) {
                // An index that leads astray is made again, once.
                Err(_) if blocks.is_astray() => {
                    counter.catalogue.forget(counter.provider.files());
                    prepare(&Blocks::of(counter), &wanted, &asked)
                }
                other => other,
            }
        })
        .await?;
    payment::deliver(&counter, &method, &headers, ready).await
}

impl Wanted {
    fn of(
        cid: &str,
        path: &str,
        query: &HashMap<String, String>,
        headers: &HeaderMap,
    ) -> Result<Self, Refusal> {
        let root = Cid::try_from(cid)
            .map_err(|error| Refusal::bad(format!("\"{cid}\" is no CID of IPFS: {error}")))?;
        let path: Vec<String> = path
            .split('/')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        if path.iter().any(|name| name == "." || name == "..") {
            return Err(Refusal::bad(
                "a path goes down from its CID: no . and .. in it",
            ));
        }
        let form = Form::of(query, text(headers, header::ACCEPT.as_str()))?;
        Ok(Self { root, path, form })
    }
}

impl Form {
    fn of(query: &HashMap<String, String>, accept: Option<&str>) -> Result<Self, Refusal> {
        let unacceptable = |what: &str| {
            Refusal::new(
                StatusCode::NOT_ACCEPTABLE,
                format!(
                    "{what} is not served here: ask for {RAW} (?format=raw), for {CAR} \
                     (?format=car), or for the file itself"
                ),
            )
        };
        let media = match query.get("format").map(String::as_str) {
            Some("raw") => RAW,
            Some("car") => CAR,
            Some(other) => return Err(unacceptable(&format!("format={other}"))),
            None => match accept {
                None => "*/*",
                Some(accept) => accept
                    .split(',')
                    .map(str::trim)
                    .find(|media| is_served(media_type(media)))
                    .ok_or_else(|| unacceptable(accept))?,
            },
        };
        match media_type(media) {
            RAW => Ok(Self::Raw),
            CAR => {
                let parameters: HashMap<&str, &str> = media
                    .split(';')
                    .skip(1)
                    .filter_map(|parameter| parameter.trim().split_once('='))
                    .collect();
                let asked = |in_query: &str, in_media: &str| {
                    let in_media = parameters.get(in_media).copied();
                    query.get(in_query).map(String::as_str).or(in_media)
                };
                if let Some(version) = asked("car-version", "version").filter(|v| *v != "1") {
                    return Err(unacceptable(&format!("a CAR of version {version}")));
                }
                if let Some(order) =
                    asked("car-order", "order").filter(|o| !["dfs", "unk"].contains(o))
                {
                    return Err(unacceptable(&format!("a CAR in order {order}")));
                }
                let duplicates = match asked("car-dups", "dups") {
                    None | Some("n") => false,
                    Some("y") => true,
                    Some(other) => {
                        return Err(Refusal::bad(format!("dups={other}: it is y or n")));
                    }
                };
                Ok(Self::Car {
                    scope: CarScope::of(query)?,
                    duplicates,
                })
            }
            _ => Ok(Self::File),
        }
    }
}

fn media_type(media: &str) -> &str {
    media.split(';').next().unwrap_or_default().trim()
}

/// Whether something of a media type can be had: other forms of IPFS data cannot.
fn is_served(media: &str) -> bool {
    let other = media.starts_with("application/vnd.ipld.")
        || media.starts_with("application/vnd.ipfs.")
        || media == "application/x-tar";
    media == RAW || media == CAR || !other
}

impl CarScope {
    fn of(query: &HashMap<String, String>) -> Result<Self, Refusal> {
        let bytes = query.get("entity-bytes").map(|text| {
            let (from, to) = text.split_once(':')?;
            let to = match to {
                "*" => None,
                to => Some(to.parse().ok()?),
            };
            Some((from.parse().ok()?, to))
        });
        let bytes = match bytes {
            None => None,
            Some(None) => {
                return Err(Refusal::bad(
                    "entity-bytes is from:to, both inclusive and negative from the end; to may be *",
                ));
            }
            Some(bytes) => bytes,
        };
        match query.get("dag-scope").map(String::as_str) {
            Some("block") => Ok(Self::Block),
            Some("entity") => Ok(Self::Entity(bytes)),
            None if bytes.is_some() => Ok(Self::Entity(bytes)),
            None | Some("all") => Ok(Self::All),
            Some(other) => Err(Refusal::bad(format!(
                "dag-scope={other}: it is block, entity or all"
            ))),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Block => "block".into(),
            Self::Entity(None) => "entity".into(),
            Self::Entity(Some((from, to))) => {
                let to = to.map_or("*".into(), |to| to.to_string());
                format!("entity.{from}_{to}")
            }
            Self::All => "all".into(),
        }
    }
}

/// Finds, checks and packs what is wanted.
fn prepare(blocks: &Blocks<'_>, wanted: &Wanted, headers: &HeaderMap) -> Result<Content, Refusal> {
    let refuse = |error| blocks.refusal(error);
    let names = wanted.path.iter().map(String::as_str);
    let found = walk::resolve(blocks, &wanted.root, names).map_err(refuse)?;
    let cid = found.cid;
    let mut content = match &wanted.form {
        Form::File => file(blocks, cid, headers)?,
        Form::Raw => {
            let bytes = block::load(blocks, &cid).map_err(refuse)?;
            let tag = format!("{cid}.raw");
            let total = bytes.len() as u64;
            let range = part(headers, &tag, total)?;
            Content {
                bytes: match &range {
                    Some(range) => bytes.slice(range.start as usize..range.end as usize),
                    None => bytes,
                },
                part: range.map(|range| (range.start, total)),
                kind: RAW,
                tag,
                save_as: Some(format!("{cid}.bin")),
                ranges: true,
                headers: Vec::new(),
            }
        }
        Form::Car { scope, duplicates } => {
            let limits = Limits {
                bytes: MAX_FILE,
                duplicates: *duplicates,
            };
            let whole = scope_of(blocks, &cid, *scope)?;
            let mut all = found.way.clone();
            all.extend(walk::blocks(blocks, &cid, &whole, limits).map_err(refuse)?);
            let dups = if *duplicates { "y" } else { "n" };
            Content {
                bytes: car::to_vec(&[wanted.root], &all).into(),
                part: None,
                kind: if *duplicates {
                    "application/vnd.ipld.car; version=1; order=dfs; dups=y"
                } else {
                    "application/vnd.ipld.car; version=1; order=dfs; dups=n"
                },
                tag: format!("{}.{cid}.car.{}.{dups}", wanted.root, scope.name()),
                save_as: Some(format!("{cid}.car")),
                ranges: false,
                headers: Vec::new(),
            }
        }
    };
    let mut roots: Vec<String> = vec![wanted.root.to_string()];
    if !wanted.path.is_empty() {
        roots.push(cid.to_string());
    }
    content.headers.push(("x-ipfs-roots", roots.join(",")));
    content.headers.push(("x-ipfs-path", shown_path(wanted)));
    Ok(content)
}

/// The path as a header may hold it.
fn shown_path(wanted: &Wanted) -> String {
    let mut shown = format!("/ipfs/{}", wanted.root);
    for name in &wanted.path {
        shown.push('/');
        for byte in name.bytes() {
            match byte {
                b'%' => shown.push_str("%25"),
                0x21..=0x7e => shown.push(byte as char),
                other => shown.push_str(&format!("%{other:02X}")),
            }
        }
    }
    shown
}

fn file(blocks: &Blocks<'_>, cid: Cid, headers: &HeaderMap) -> Result<Content, Refusal> {
    let refuse = |error| blocks.refusal(error);
    let total = export::file_size(blocks, &cid).map_err(refuse)?;
    let tag = cid.to_string();
    let range = part(headers, &tag, total)?;
    let wanted = range.clone().unwrap_or(0..total);
    let bytes = export::export_range(blocks, &cid, wanted, MAX_FILE).map_err(refuse)?;
    let kind = match &range {
        None => kind_of(&bytes),
        Some(_) => "application/octet-stream",
    };
    Ok(Content {
        bytes: bytes.into(),
        part: range.map(|range| (range.start, total)),
        kind,
        tag,
        save_as: None,
        ranges: true,
        headers: Vec::new(),
    })
}

/// The scope, with the bytes of a file counted from its start.
fn scope_of(blocks: &Blocks<'_>, cid: &Cid, scope: CarScope) -> Result<Scope, Refusal> {
    Ok(match scope {
        CarScope::Block => Scope::Block,
        CarScope::All => Scope::All,
        CarScope::Entity(None) => Scope::Entity(None),
        CarScope::Entity(Some((from, to))) => {
            // Of what is no file the bytes do not matter.
            let Ok(size) = export::file_size(blocks, cid) else {
                return Ok(Scope::Entity(None));
            };
            let place = |at: i64| match u64::try_from(at) {
                Ok(at) => at,
                Err(_) => size.saturating_sub(at.unsigned_abs()),
            };
            let end = to.map_or(size, |to| place(to).saturating_add(1));
            Scope::Entity(Some(place(from)..end.min(size)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(query: &[(&str, &str)], accept: Option<&str>) -> Result<Form, StatusCode> {
        let query = query
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect();
        Form::of(&query, accept).map_err(|refusal| refusal.status)
    }

    fn all(duplicates: bool) -> Form {
        Form::Car {
            scope: CarScope::All,
            duplicates,
        }
    }

    #[test]
    fn the_form_is_chosen_by_query_and_accept() {
        assert_eq!(form(&[], None), Ok(Form::File));
        assert_eq!(form(&[], Some("text/html, */*;q=0.8")), Ok(Form::File));
        assert_eq!(form(&[], Some(RAW)), Ok(Form::Raw));
        assert_eq!(form(&[("format", "raw")], Some(CAR)), Ok(Form::Raw));
        assert_eq!(form(&[("format", "car")], None), Ok(all(false)));
        let exact = "application/vnd.ipld.car; version=1; order=dfs; dups=y";
        assert_eq!(form(&[], Some(exact)), Ok(all(true)));
        let entity = [
            ("format", "car"),
            ("dag-scope", "entity"),
            ("entity-bytes", "5:-1"),
        ];
        assert_eq!(
            form(&entity, None),
            Ok(Form::Car {
                scope: CarScope::Entity(Some((5, Some(-1)))),
                duplicates: false,
            })
        );
        assert_eq!(
            form(
                &[],
                Some("application/vnd.ipld.dag-json, application/vnd.ipld.raw")
            ),
            Ok(Form::Raw)
        );
    }

    #[test]
    fn what_is_not_served_is_refused() {
        for (query, accept, status) in [
            (vec![("format", "tar")], None, 406),
            (vec![], Some("application/vnd.ipld.dag-json"), 406),
            (vec![], Some("application/vnd.ipld.car; version=2"), 406),
            (vec![("format", "car"), ("car-order", "bfs")], None, 406),
            (vec![("format", "car"), ("car-dups", "maybe")], None, 400),
            (vec![("format", "car"), ("dag-scope", "much")], None, 400),
            (vec![("format", "car"), ("entity-bytes", "1-2")], None, 400),
            (vec![("format", "car"), ("entity-bytes", "a:*")], None, 400),
        ] {
            assert_eq!(
                form(&query, accept).map_err(|status| status.as_u16()),
                Err(status),
                "{query:?} {accept:?}"
            );
        }
    }

    #[test]
    fn paths_go_down() {
        let cid = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
        let of = |cid, path| Wanted::of(cid, path, &HashMap::new(), &HeaderMap::new());
        let wanted = of(cid, "a//b c/ж%/").unwrap();
        assert_eq!(wanted.path, ["a", "b c", "ж%"]);
        assert_eq!(
            shown_path(&wanted),
            format!("/ipfs/{cid}/a/b%20c/%D0%B6%25")
        );
        for (cid, path) in [(cid, "../etc"), (cid, "a/./b"), ("mars", ""), ("", "")] {
            assert_eq!(of(cid, path).unwrap_err().status, 400, "{cid} {path}");
        }
    }
}
