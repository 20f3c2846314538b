import StintCore

/// One line of the events file: what a process tells of its job.
struct EventLine {
  /// How far it is.
  var progress: Progress?
  /// The job's result.
  var result: [JSONMember]?
  /// Something to keep for the next attempt.
  var checkpoint: RawJSON?
  /// The whole line, where it names an event.
  var event: RawJSON?

  /// Why a line means nothing.
  struct Fault: Error, Hashable {
    let reason: String
  }

  /// What the bytes say.
  init(_ bytes: [UInt8]) throws(Fault) {
    let json: JSONValue
    do throws(JSONSyntaxError) { json = try JSONParser.parse(bytes) } catch {
      throw Fault(reason: "it is no JSON: \(error)")
    }
    guard json.object != nil else { throw Fault(reason: "it is \(json.kind), expected an object") }
    func object(_ key: String) throws(Fault) -> [JSONMember]? {
      guard let value = json[key] else { return nil }
      guard let members = value.object else { throw Fault(reason: "\(key) is \(value.kind), expected an object") }
      return members
    }
    result = try object("result")
    checkpoint = try object("checkpoint").map { RawJSON(.object($0)) }
    if let value = json["progress"] {
      guard let percent = value.number else { throw Fault(reason: "progress is \(value.kind), expected a number") }
      let message = json["message"]
      guard message == nil || message == .null || message?.string != nil else {
        throw Fault(reason: "message is \(message?.kind ?? ""), expected a string")
      }
      progress = Progress(percent: percent, message: message?.string)
    }
    if let value = json["event"] {
      guard value.string != nil else { throw Fault(reason: "event is \(value.kind), expected a string") }
      event = RawJSON(json)
    }
    guard result != nil || checkpoint != nil || progress != nil || event != nil else {
      throw Fault(reason: "it has none of progress, result, event and checkpoint")
    }
  }
}
