import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import org.hl7.fhir.r5.formats.JsonParser;
import org.hl7.fhir.r5.model.OperationOutcome;

/**
 * Keeps one validator up. Stdin: for each resource its length (4 bytes, big-endian) and its bytes. Stdout: the line
 * "ready" once the definitions are loaded, then one OperationOutcome per resource, each on one line. Ends with stdin.
 */
final class Service {
  /** Judges the bytes of one resource; the result is an OperationOutcome as JSON without line ends. */
  interface Judge {
    String outcome(byte[] json) throws Exception;
  }

  private Service() {}

  static void run(Callable<Judge> loader) throws Exception {
    PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    System.setOut(System.err); // what the libraries print must not mix with the answers
    Judge judge = loader.call();
    out.println("ready");
    DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
    try {
      while (true) {
        out.println(answer(judge, in.readNBytes(in.readInt())));
      }
    } catch (EOFException end) {
      System.exit(0); // a library may have left a thread behind
    }
  }

  /** A judge that stumbles has judged nothing: that must read as a failure, not as silence. */
  private static String answer(Judge judge, byte[] json) throws IOException {
    try {
      return judge.outcome(json);
    } catch (Exception | StackOverflowError e) {
      OperationOutcome outcome = new OperationOutcome();
      outcome.addIssue()
          .setSeverity(OperationOutcome.IssueSeverity.FATAL)
          .setCode(OperationOutcome.IssueType.EXCEPTION)
          .setDiagnostics("not validated: " + e);
      return new JsonParser().composeString(outcome);
    }
  }
}
