//! The text form: every valid function prints, and the text parses back to an equal function.
//!
//! ```text
//! func @cumulative(%0 "start": f32[2] {width}, %1 "terms": f32[3,2] {time, width}) -> (
//!   %2 "total": f32[2] alias 0,
//!   %3 "partial": f32[3,2]
//! ) {
//!   %2: f32[2], %3: f32[3,2] = scan length=3 carries=[%0] xs=[%1] @ "sums" {
//!     func @step(%0 "carry0": f32[2], %1 "x0": f32[2]) -> (%2 "carry0": f32[2], %3 "y0": f32[2]) {
//!       %2: f32[2] = add %0, %1 @ "sums/step"
//!       %3: f32[2] = tanh %2 @ "sums/step"
//!     }
//!   }
//! }
//! ```
//!
//! A line of the body is a [`crate::Node`]: its results with their types, the op, the operands, the op's attributes,
//! and the scope it was built in. A value is `%` and its number; a function defines the numbers from 0 on without
//! gaps, each once. What the result type says is not repeated: the target of `convert`, `bitcast`, `reshape` and
//! `broadcast`, the sizes of `dynamic_slice`, and the dtype that `dot` gives are read from it.
//!
//! ```text
//! function  = "func" "@" word "(" [param {"," param}] ")" "->" "(" [result {"," result}] ")" "{" {node} "}"
//! param     = value string ":" type ["{" name {"," name} "}"]       logical axes, one for each dimension
//! result    = value string ":" type ["alias" integer]               the parameter whose memory it takes over
//! node      = [value ":" type {"," value ":" type} "="] op ["@" string] ["{" function "}"]
//! op        = unary-name value                                      neg %1
//!           | binary-name value "," value                           add %1, %2
//!           | "constant" elements                                   constant [[1.0, 2.0], [3.0, 4.0]]
//!           | "iota" "dim=" integer
//!           | "compare" direction value "," value                   compare lt %1, %2
//!           | "select" value "," value "," value
//!           | ("convert" | "bitcast" | "reshape" | "stop_gradient") value
//!           | "broadcast" value "dims=" integers                    broadcast %1 dims=[0, 2]
//!           | "transpose" value "permutation=" integers
//!           | "slice" value "starts=" integers "limits=" integers "strides=" integers
//!           | "pad" value "," value "low=" integers "high=" integers "interior=" integers
//!           | "concatenate" value {"," value} "dim=" integer
//!           | "reverse" value "dims=" integers
//!           | "dot" value "," value ["lhs_batch=" integers "rhs_batch=" integers]
//!             "lhs_contract=" integers "rhs_contract=" integers
//!           | "reduce" kind value "dims=" integers                  reduce sum %1 dims=[0]
//!           | "take" value "," value
//!           | "scatter_add" value "," value "," value
//!           | "dynamic_slice" value {"," value}
//!           | "dynamic_update_slice" value "," value {"," value}
//!           | "name" value string
//!           | "shard" value "to=" placement ["gradient=" placement]
//!           | "axis_index" axes
//!           | "all_reduce" kind value axes                          all_reduce sum %1 axes=["data" 4, "model" 2]
//!           | ("all_gather" | "reduce_scatter") value "dim=" integer axes
//!           | "all_to_all" value "split=" integer "concat=" integer axes
//!           | "permute" value "shift=" integer axes
//!           | "scan" "length=" integer ["reverse"] ["carries=" values] ["xs=" values] ["constants=" values]
//!             ["remat=" ("dots" | "full" | "save" strings)]         followed by its body in braces
//! placement = string strings                                        a table, the logical axis of each dimension
//! axes      = "axes=" "[" string integer {"," string integer} "]"   mesh axes with their sizes
//! type      = dtype "[" [integer {"," integer}] "]"                 f32[2,3]; a scalar is f32[]
//! elements  = number | "[" elements {"," elements} "]"              nested as the dimensions; "[]" if there are none
//! number    = integer | decimal | "inf" | "-inf" | "nan" | "nan:" bits | "true" | "false"
//! integers  = "[" [integer {"," integer}] "]"                       values and strings likewise
//! ```
//!
//! Floats are written with the fewest digits that read back to the same value of their dtype; a NaN that is not the
//! usual one is written with its float64 bits in hexadecimal. Space and comments (`//` to the end of the line) may
//! stand between any two tokens.

mod cursor;
mod elements;
mod parse;
mod print;

use std::fmt;

use crate::error::Error;
use crate::function::Function;
use crate::literal::Literal;

impl fmt::Display for Function {
    /// The text form; see [`crate::text`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        print::function(&mut text, self, 0);
        f.write_str(&text)
    }
}

impl Function {
    /// Reads the text form; see [`crate::text`]. What it says is not verified.
    ///
    /// # Errors
    /// [`Error::Parse`] with line and column of the first place that is not as the grammar demands, or of a value
    /// that is never defined or defined twice.
    pub fn parse(text: &str) -> Result<Function, Error> {
        parse::whole_function(text)
    }
}

impl fmt::Display for Literal {
    /// The type, then the elements: `f32[2] [1.0, 2.0]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{} ", self.ty());
        elements::print(&mut text, self);
        f.write_str(&text)
    }
}

impl Literal {
    /// Reads the type and the elements, as they are printed.
    ///
    /// # Errors
    /// [`Error::Parse`] with line and column.
    pub fn parse(text: &str) -> Result<Literal, Error> {
        parse::whole_literal(text)
    }
}
