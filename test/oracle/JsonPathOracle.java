import com.jayway.jsonpath.Configuration;
import com.jayway.jsonpath.JsonPath;
import com.jayway.jsonpath.PathNotFoundException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import net.minidev.json.JSONObject;
import net.minidev.json.parser.JSONParser;

/**
 * Evaluates JSONPath with Jayway's JsonPath. Reads a line of JSON for each case, {"path": text, "data": any}, and writes
 * one: {"value": any, "definite": boolean}, {"missing": text}, {"invalid": text} or, where it fell over, {"broken": text}.
 */
public class JsonPathOracle {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        for (String line; (line = in.readLine()) != null; ) {
            JSONObject question = (JSONObject) new JSONParser(JSONParser.MODE_PERMISSIVE).parse(line);
            out.println(answer((String) question.get("path"), question.get("data")).toJSONString());
        }
    }

    static JSONObject answer(String path, Object data) {
        JsonPath compiled;
        try {
            compiled = JsonPath.compile(path);
        } catch (RuntimeException e) {
            return new JSONObject(Map.of("invalid", String.valueOf(e.getMessage())));
        }
        try {
            JSONObject found = new JSONObject();
            found.put("value", compiled.read(data, Configuration.defaultConfiguration()));
            found.put("definite", compiled.isDefinite());
            return found;
        } catch (PathNotFoundException e) {
            return new JSONObject(Map.of("missing", String.valueOf(e.getMessage())));
        } catch (RuntimeException e) {
            return new JSONObject(Map.of("broken", String.valueOf(e)));
        }
    }
}
