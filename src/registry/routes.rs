//! Which request is which.

use super::{
    answer::{Answer, Outcome, Refusal, only},
    change::ChangeError,
    request::{Query, segments},
    subject::Registry,
};
use serde_json::json;

impl Registry {
    /// Answers a request and says what it would change; changes nothing. `path`: without the query, encoded
    /// as it came. `query`: what stands behind the `?`, or nothing.
    pub fn decide(&self, method: &str, path: &str, query: &str, body: &[u8]) -> Answer {
        let outcome = match segments(path) {
            Some(segments) => {
                let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
                self.route(method, &segments, Query(query), body)
            }
            None => Err(Refusal::NoSuchPath),
        };
        Answer::from(outcome)
    }

    /// Answers a request and makes its change, for whoever keeps nothing.
    pub fn handle(
        &mut self,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
    ) -> Result<Answer, ChangeError> {
        let answer = self.decide(method, path, query, body);
        if let Some(change) = &answer.change {
            self.apply(change)?;
        }
        Ok(answer)
    }

    fn route(&self, method: &str, segments: &[&str], query: Query<'_>, body: &[u8]) -> Outcome {
        match segments {
            [] => self.root(method),
            ["schemas", rest @ ..] => self.route_schemas(method, rest, query),
            ["subjects", rest @ ..] => self.route_subjects(method, rest, query, body),
            ["compatibility", "subjects", subject, "versions"] => match method {
                "POST" => self.check_all(subject, query, body),
                _ => Err(Refusal::Method),
            },
            ["compatibility", "subjects", subject, "versions", version] => match method {
                "POST" => self.check_one(subject, version, query, body),
                _ => Err(Refusal::Method),
            },
            ["config"] => match method {
                "GET" => only(json!({ "compatibilityLevel": self.global_level().name() })),
                "PUT" => self.set_level(None, body),
                "DELETE" => self.clear_global_level(),
                _ => Err(Refusal::Method),
            },
            ["config", subject] => match method {
                "GET" => self.level_for(subject, query),
                "PUT" => self.set_level(Some(subject), body),
                "DELETE" => self.clear_level(subject),
                _ => Err(Refusal::Method),
            },
            ["mode"] => self.mode(method, None, query, body),
            ["mode", subject] => self.mode(method, Some(subject), query, body),
            // There is only the one without a name.
            ["contexts"] if method == "GET" => only(json!([":.:"])),
            _ => Err(Refusal::NoSuchPath),
        }
    }

    fn root(&self, method: &str) -> Outcome {
        if method == "GET" { only(json!({})) } else { Err(Refusal::Method) }
    }

    fn route_schemas(&self, method: &str, segments: &[&str], query: Query<'_>) -> Outcome {
        if method != "GET" {
            return Err(Refusal::Method);
        }
        match segments {
            [] => self.list_schemas(query),
            ["types"] => only(json!(["AVRO"])),
            ["ids", id] => self.schema_of_id(id),
            ["ids", id, "schema"] => self.text_of_id(id),
            ["ids", id, "subjects"] => self.subjects_of_id(id, query),
            ["ids", id, "versions"] => self.versions_of_id(id, query),
            _ => Err(Refusal::NoSuchPath),
        }
    }

    fn route_subjects(&self, method: &str, segments: &[&str], query: Query<'_>, body: &[u8]) -> Outcome {
        match (segments, method) {
            ([], "GET") => self.list_subjects(query),
            ([subject], "POST") => self.look_up(subject, query, body),
            ([subject], "DELETE") => self.delete_subject(subject, query),
            ([subject, "versions"], "GET") => self.list_versions(subject, query),
            ([subject, "versions"], "POST") => self.register_schema(subject, body),
            ([subject, "versions", version], "GET") => self.version(subject, version, query),
            ([subject, "versions", version], "DELETE") => self.delete_one(subject, version, query),
            ([subject, "versions", version, "schema"], "GET") => self.version_text(subject, version, query),
            ([subject, "versions", version, "referencedby"], "GET") => {
                self.version(subject, version, query)?;
                // Schemas do not refer to each other.
                only(json!([]))
            }
            (
                []
                | [_]
                | [_, "versions"]
                | [_, "versions", _]
                | [_, "versions", _, "schema" | "referencedby"],
                _,
            ) => Err(Refusal::Method),
            _ => Err(Refusal::NoSuchPath),
        }
    }
}
