// Package router finds the configured place for a request: the site for a host
// name, and the location of that site for a path, with the precedence that
// nginx documents. It is pure: built once from parsed patterns, never changed,
// safe for any number of goroutines, and it allocates nothing while matching.
//
// # Locations
//
// A path is matched decoded, with dot segments resolved. In this order:
//
//  1. "= /x": the whole path. Nothing else is looked at.
//  2. The longest of the prefixes "/x" and "^~ /x". When it was written with
//     "^~" it is taken.
//  3. The first regular expression, "~ re" or "~* re", in the order of writing.
//  4. The longest prefix of step 2.
//
// "@name" never matches a path; it is reached by name only.
//
// # Hosts
//
// A host is matched in lower case and without a port: the exact name, the
// longest "*.suffix", the longest "prefix.*", the first "~re" in the order of
// writing, then the default "*". ".name" stands for both name and "*.name".
//
// # Where nginx differs
//
// Regular expressions are Go's (RE2): matching takes time linear in the path,
// and there are no look-arounds and no back references. "$" matches at the very
// end only, not before a last line feed. "~*" folds letters as Unicode does, so
// that U+212A matches k and U+017F matches s. A prefix or exact pattern has to
// begin with '/', since it could match nothing otherwise. A repeated regular
// expression, which nginx accepts and never reaches, is a conflict.
package router
