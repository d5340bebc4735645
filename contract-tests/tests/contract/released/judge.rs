//! What breaks a client. Whatever is not known to be harmless does, so that a person decides and teaches this judge.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use todo_contract_tests::{members, resolved};

/// Which way a schema travels: what a server may narrow in answers, it may only widen in requests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// All the ways in which `new` breaks a client that was made for `old`.
pub(super) fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut judge = Judge { old: old.clone(), new: new.clone(), found: Vec::new(), seen: BTreeSet::new() };
    judge.document();
    judge.found
}

struct Judge {
    old: Value,
    new: Value,
    found: Vec<String>,
    seen: BTreeSet<(String, bool)>,
}

/// Patterns that were written anew, and match the same texts; a test compares them.
pub(super) const REWRITTEN: [(&str, &str); 2] = [
    (r"^[^\u0000]*$", r"^[^\x00]*$"),
    (
        r"^[^\u0000]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000][^\u0000]*$",
        r"^[^\x00]*([^\x00-\x20\x7f-\u00a0\u1680\u2000-\u202f\u205f\u3000]|[\u200b-\u2027\u202a-\u202e])[^\x00]*$",
    ),
];

/// Members that only people read.
const PROSE: [&str; 5] = ["description", "summary", "title", "example", "tags"];

impl Judge {
    fn breaks(&mut self, place: &str, what: &str) {
        self.found.push(format!("{place}: {what}"));
    }

    fn document(&mut self) {
        let (old, new) = (self.old.clone(), self.new.clone());
        if old["servers"] != new["servers"] {
            self.breaks("servers", "changed");
        }
        for (name, scheme) in members(&old["components"]["securitySchemes"]) {
            let new = &new["components"]["securitySchemes"][name];
            self.unknown_members(&format!("the scheme {name}"), scheme, new, &[]);
        }
        for (path, methods) in members(&old["paths"]) {
            for (method, operation) in members(methods) {
                let place = format!("{} {path}", method.to_uppercase());
                match new["paths"][path].get(method) {
                    None => self.breaks(&place, "the operation is gone"),
                    Some(new) => self.operation(&place, operation, new),
                }
            }
        }
    }

    fn operation(&mut self, place: &str, old: &Value, new: &Value) {
        for member in ["operationId", "security"] {
            if old[member] != new[member] {
                self.breaks(place, &format!("{member} changed"));
            }
        }
        self.unknown_members(place, old, new, &["operationId", "security", "parameters", "requestBody", "responses"]);
        self.parameters(place, old, new);
        match (old.get("requestBody"), new.get("requestBody")) {
            (None, None) => {}
            (Some(old), Some(new)) => {
                let place = format!("{place} body");
                self.demand(&place, old, new, &["content"]);
                self.content(&place, old, new, Way::In);
            }
            _ => self.breaks(place, "the body came or went"),
        }
        for (status, response) in members(&old["responses"]) {
            let place = format!("{place} {status}");
            let Some(new) = new["responses"].get(status) else {
                self.breaks(&place, "the status is gone");
                continue;
            };
            self.unknown_members(&place, response, new, &["headers", "content"]);
            for (name, header) in members(&response["headers"]) {
                let place = format!("{place} header {name}");
                match new["headers"].get(name) {
                    None => self.breaks(&place, "is gone"),
                    Some(new) => self.header(&place, header, new),
                }
            }
            self.content(&place, response, new, Way::Out);
        }
        for (status, _) in members(&new["responses"]) {
            // A failure more is something that clients must bear with; a success more is not. That nothing
            // has changed since, only those are told who ask.
            if old["responses"].get(status).is_none() && status.as_str() < "400" && status != "304" {
                self.breaks(place, &format!("{status} is new"));
            }
        }
    }

    fn parameters(&mut self, place: &str, old: &Value, new: &Value) {
        let list = |operation: &Value| operation["parameters"].as_array().cloned().unwrap_or_default();
        let key = |parameter: &Value| (parameter["name"].clone(), parameter["in"].clone());
        let (old, new) = (list(old), list(new));
        for parameter in &old {
            let place = format!("{place} parameter {}", parameter["name"]);
            match new.iter().find(|candidate| key(candidate) == key(parameter)) {
                None => self.breaks(&place, "is gone"),
                Some(candidate) => {
                    self.demand(&place, parameter, candidate, &["schema"]);
                    self.schema(&place, &parameter["schema"], &candidate["schema"], Way::In);
                }
            }
        }
        for parameter in &new {
            if parameter["required"] == true && !old.iter().any(|known| key(known) == key(parameter)) {
                self.breaks(place, &format!("the new parameter {} is required", parameter["name"]));
            }
        }
    }

    /// What a request could go without, it still can.
    fn demand(&mut self, place: &str, old: &Value, new: &Value, judged: &[&str]) {
        if new["required"] == true && old["required"] != true {
            self.breaks(place, "is required now");
        }
        self.unknown_members(place, old, new, &[&["required"], judged].concat());
    }

    /// What an answer always had, it still has.
    fn header(&mut self, place: &str, old: &Value, new: &Value) {
        let (old, new) = (resolved(old, &self.old).clone(), resolved(new, &self.new).clone());
        if old["required"] == true && new["required"] != true {
            self.breaks(place, "may be missing now");
        }
        self.unknown_members(place, &old, &new, &["required", "schema"]);
        self.schema(place, &old["schema"], &new["schema"], Way::Out);
    }

    fn content(&mut self, place: &str, old: &Value, new: &Value, way: Way) {
        let media_types = |value: &Value| members(&value["content"]).map(|(name, _)| name.clone()).collect::<Vec<_>>();
        if media_types(old) != media_types(new) {
            self.breaks(place, "the media types changed");
            return;
        }
        for (media_type, content) in members(&old["content"]) {
            self.schema(place, &content["schema"], &new["content"][media_type]["schema"], way);
        }
    }

    fn schema(&mut self, place: &str, old: &Value, new: &Value, way: Way) {
        if let (Some(reference), Some(other)) = (old["$ref"].as_str(), new["$ref"].as_str()) {
            let name = reference.rsplit('/').next().unwrap_or_default();
            if reference != other {
                // Generated clients name their types after these.
                return self.breaks(place, &format!("{name} has another name"));
            }
            if self.seen.insert((name.to_owned(), way == Way::In)) {
                let (old, new) = (resolved(old, &self.old).clone(), resolved(new, &self.new).clone());
                self.schema(name, &old, &new, way);
            }
            return;
        }
        self.bounds(place, old, new, way);
        self.pattern(place, old, new);
        self.unknown_members(
            place,
            old,
            new,
            &[
                "properties",
                "required",
                "items",
                "nullable",
                "pattern",
                "minLength",
                "maxLength",
                "minimum",
                "maximum",
                "minItems",
                "maxItems",
            ],
        );
        if old["nullable"] != new["nullable"] && (new["nullable"] == true) == (way == Way::Out) {
            self.breaks(place, "nullable changed");
        }
        match (old.get("items"), new.get("items")) {
            (None, None) => {}
            (Some(old), Some(new)) => self.schema(&format!("{place}[]"), old, new, way),
            _ => self.breaks(place, "items came or went"),
        }
        self.properties(place, old, new, way);
    }

    fn properties(&mut self, place: &str, old: &Value, new: &Value, way: Way) {
        let required = |schema: &Value, name: &str| {
            schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
        };
        for (name, property) in members(&old["properties"]) {
            let place = format!("{place}.{name}");
            let Some(candidate) = new["properties"].get(name) else {
                self.breaks(&place, "is gone");
                continue;
            };
            match (required(old, name), required(new, name)) {
                (false, true) if way == Way::In => self.breaks(&place, "is required now"),
                (true, false) if way == Way::Out => self.breaks(&place, "may be missing now"),
                _ => {}
            }
            self.schema(&place, property, candidate, way);
        }
        for (name, _) in members(&new["properties"]) {
            if way == Way::In && required(new, name) && old["properties"].get(name).is_none() {
                self.breaks(&format!("{place}.{name}"), "is new and required");
            }
        }
    }

    /// A bound may be loosened on the way in and tightened on the way out.
    fn bounds(&mut self, place: &str, old: &Value, new: &Value, way: Way) {
        for (least, most) in [("minLength", "maxLength"), ("minimum", "maximum"), ("minItems", "maxItems")] {
            let bound = |schema: &Value, name: &str, none: f64| schema[name].as_f64().unwrap_or(none);
            let old = (bound(old, least, f64::NEG_INFINITY), bound(old, most, f64::INFINITY));
            let new = (bound(new, least, f64::NEG_INFINITY), bound(new, most, f64::INFINITY));
            let (inner, outer) = if way == Way::In { (old, new) } else { (new, old) };
            if inner.0 < outer.0 || inner.1 > outer.1 {
                self.breaks(place, &format!("{least} or {most} changed"));
            }
        }
    }

    /// The same texts match.
    fn pattern(&mut self, place: &str, old: &Value, new: &Value) {
        let (old, new) = (&old["pattern"], &new["pattern"]);
        if old != new && !REWRITTEN.iter().any(|(before, after)| old == before && new == after) {
            self.breaks(place, "pattern changed");
        }
    }

    /// What is neither prose nor judged by name must stay as it is.
    fn unknown_members(&mut self, place: &str, old: &Value, new: &Value, judged: &[&str]) {
        let rest = |value: &Value| -> Map<String, Value> {
            let judged = |name: &str| judged.contains(&name) || PROSE.contains(&name);
            members(value).filter(|(name, _)| !judged(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
        };
        let (old, new) = (rest(old), rest(new));
        for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            if old.get(name) != new.get(name) {
                self.breaks(place, &format!("{name} changed, and nobody has said that this is harmless"));
            }
        }
    }
}
