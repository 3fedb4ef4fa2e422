import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapGroupsWithStateFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.streaming.GroupState;

/**
 * Tells duplicates: rows whose id was received at most `withinMs` before. Spark's own dropDuplicatesWithinWatermark drops
 * them uncounted, forgets an id by its first receipt instead of its last, and by batches instead of milliseconds.
 *
 * Rows are grouped by their id and begin with: received-at (microseconds), partition, offset, line. An id that begins with '#'
 * is of one row only and is not kept. Each row goes on with one more column, whether it is a duplicate. The driver compiles this with the
 * compiler that Spark has inside, which knows no generics.
 */
public class Receipts implements FlatMapGroupsWithStateFunction, Comparator {
  private final long withinMs;

  public Receipts(long withinMs) {
    this.withinMs = withinMs;
  }

  public Iterator call(Object key, Iterator rows, GroupState state) {
    if (state.hasTimedOut()) {
      state.remove();
      return Collections.emptyIterator();
    }
    boolean single = ((String) key).startsWith("#");
    List list = new ArrayList();
    while (rows.hasNext()) list.add(rows.next());
    if (list.size() > 1) Collections.sort(list, this);
    long last = state.exists() ? ((Long) state.get()).longValue() : Long.MIN_VALUE;
    for (int i = 0; i < list.size(); i++) {
      Row row = (Row) list.get(i);
      long receivedMs = Math.floorDiv(row.getLong(1), 1000L);
      boolean duplicate = last != Long.MIN_VALUE && receivedMs - last <= withinMs;
      last = Math.max(last, receivedMs);
      Object[] values = new Object[row.size() - 1];
      for (int column = 0; column < values.length - 1; column++) values[column] = row.get(column + 1);
      values[values.length - 1] = Boolean.valueOf(duplicate);
      list.set(i, RowFactory.create(values));
    }
    if (!single) {
      state.update(Long.valueOf(last));
      state.setTimeoutTimestamp(Math.max(last + withinMs, state.getCurrentWatermarkMs()) + 1);
    }
    return list.iterator();
  }

  /** The order of the log. */
  public int compare(Object first, Object second) {
    Row a = (Row) first;
    Row b = (Row) second;
    int order = Long.compare(a.getLong(1), b.getLong(1));
    if (order == 0) order = Integer.compare(a.getInt(2), b.getInt(2));
    if (order == 0) order = Long.compare(a.getLong(3), b.getLong(3));
    return order == 0 ? Integer.compare(a.getInt(4), b.getInt(4)) : order;
  }
}
