//! `Outcome`: how an execution ended, and its result.

use serde::Serialize;
use serde_json::Value;

use super::spec::OutputFormat;
use crate::process::{End, Ended};

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionStatus {
    /// With exit code 0 and a result of the promised form.
    Succeeded,
    /// With another exit code, by a signal, or with a result of another form.
    Failed,
    /// It took too long.
    Timeout,
    /// Somebody called it off.
    Cancelled,
}

/// What an execution gave.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// `pack.action`.
    pub action: String,
    /// How it ended.
    pub status: ActionStatus,
    /// The exit code; null if it was killed.
    pub exit_code: Option<i32>,
    /// From start to end.
    pub duration_ms: u64,
    /// Standard output as the action's `output_format` says: text without its last newline, or a value.
    pub result: Value,
    /// What went wrong; null if nothing did.
    pub error: Option<String>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Outcome {
    pub(super) fn of(action: String, ended: &Ended, format: OutputFormat) -> Self {
        let read = read(&ended.stdout, format);
        let mut status = match ended.end {
            End::Exited(0) => ActionStatus::Succeeded,
            End::TimedOut(_) => ActionStatus::Timeout,
            End::Cancelled => ActionStatus::Cancelled,
            End::Exited(_) | End::Signalled(_) => ActionStatus::Failed,
        };
        let mut error = (!ended.end.is_success()).then(|| ended.end.to_string());
        let result = match read {
            Ok(value) => value,
            Err(reason) => {
                // A failed action need not keep its promise.
                if status == ActionStatus::Succeeded {
                    status = ActionStatus::Failed;
                    error = Some(if ended.is_cut {
                        "it wrote more than is kept".to_owned()
                    } else {
                        reason
                    });
                }
                Value::Null
            }
        };
        Self {
            action,
            status,
            exit_code: ended.end.code(),
            duration_ms: u64::try_from(ended.duration.as_millis()).unwrap_or(u64::MAX),
            result,
            error,
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }
}

fn read(stdout: &[u8], format: OutputFormat) -> Result<Value, String> {
    let text = String::from_utf8_lossy(stdout);
    match format {
        OutputFormat::Text => {
            let text = text.strip_suffix('\n').unwrap_or(&text);
            Ok(Value::String(text.to_owned()))
        }
        OutputFormat::Json => serde_json::from_str(&text)
            .map_err(|e| format!("its output is not the JSON it promises: {e}")),
        OutputFormat::Yaml => serde_yaml::from_str(&text)
            .map_err(|e| format!("its output is not the YAML it promises: {e}")),
        OutputFormat::Jsonl => text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(serde_json::from_str)
            .collect::<Result<Vec<Value>, _>>()
            .map(Value::Array)
            .map_err(|e| format!("its output is not one JSON value per line as promised: {e}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each form is read; what is none is a reason.
    #[test]
    fn output_is_read_as_promised() {
        let rows = [
            (OutputFormat::Text, "a\n\n", Some(json!("a\n"))),
            (OutputFormat::Json, "{\"a\": 1}\n", Some(json!({"a": 1}))),
            (OutputFormat::Json, "a", None),
            (OutputFormat::Json, "", None),
            (OutputFormat::Yaml, "a: [1]\n", Some(json!({"a": [1]}))),
            (OutputFormat::Jsonl, "1\n\n{}\n", Some(json!([1, {}]))),
            (OutputFormat::Jsonl, "1\nx\n", None),
        ];
        for (format, text, expected) in rows {
            assert_eq!(read(text.as_bytes(), format).ok(), expected, "{text}");
        }
    }
}
