import Logging

/// A log without the line that the server library writes when its task is cancelled: a stop that is forced, or that
/// follows a failure elsewhere, is no error here.
struct StoppedServerLog: LogHandler {
  private var base: any LogHandler

  init(_ base: any LogHandler) { self.base = base }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { base[metadataKey: key] }
    set { base[metadataKey: key] = newValue }
  }
  var metadata: Logger.Metadata {
    get { base.metadata }
    set { base.metadata = newValue }
  }
  var metadataProvider: Logger.MetadataProvider? {
    get { base.metadataProvider }
    set { base.metadataProvider = newValue }
  }
  var logLevel: Logger.Level {
    get { base.logLevel }
    set { base.logLevel = newValue }
  }

  func log(event: LogEvent) {
    if event.message.description.hasSuffix("\(CancellationError())") { return }
    base.log(event: event)
  }
}
