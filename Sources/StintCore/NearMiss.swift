/// Finds what somebody probably meant.
public enum NearMiss {
  /// `Did you mean "…"?` with a leading space, or nothing where no name is near.
  public static func suggestion(for name: String, among names: [String]) -> String {
    let nearest = names.map { ($0, distance(name, $0)) }.min { $0.1 < $1.1 }
    guard let nearest, nearest.1 <= Swift.max(2, name.count / 3) else { return "" }
    return " Did you mean \"\(nearest.0)\"?"
  }

  /// The number of single-character edits between two names (Levenshtein).
  private static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8.prefix(128)), Array(b.utf8))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let replaced = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}
