import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.MapState;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Tells duplicates: rows whose id was received at most `withinMs` before. Spark's own dropDuplicatesWithinWatermark drops
 * them uncounted, forgets an id by its first receipt instead of its last, and by batches instead of milliseconds.
 *
 * Rows begin with: bucket, id, received-at (microseconds), partition, offset, line. An id that begins with '#' is of one row only
 * and is not kept. Rows go on without bucket and id, with one column more, whether each is a duplicate. The ids of a bucket are
 * kept together, with one timer: a timer for each would be written as often as the ids, and without any Spark would look at all
 * ids in each step. The driver compiles this with the compiler that Spark has inside, which knows no generics.
 */
public class Receipts extends StatefulProcessor implements Comparator {
  private final long withinMs;
  private final long buckets;
  private transient MapState lastReceived;
  private transient ValueState sweepAt;

  public Receipts(long withinMs, long buckets) {
    this.withinMs = withinMs;
    this.buckets = buckets;
  }

  public void init(OutputMode outputMode, TimeMode timeMode) {
    lastReceived = getHandle().getMapState("lastReceived", Encoders.STRING(), Encoders.LONG(), TTLConfig.NONE());
    sweepAt = getHandle().getValueState("sweepAt", Encoders.LONG(), TTLConfig.NONE());
  }

  public Iterator handleInputRows(Object bucket, Iterator rows, TimerValues times) {
    List list = new ArrayList();
    while (rows.hasNext()) list.add(rows.next());
    Collections.sort(list, this);
    // The watermark is not known in the first step.
    if (!sweepAt.exists()) sweepAfter(receivedMs((Row) list.get(list.size() - 1)), bucket);
    for (int i = 0; i < list.size(); i++) {
      Row row = (Row) list.get(i);
      Object[] values = new Object[row.size() - 2];
      for (int column = 0; column < values.length - 1; column++) values[column] = row.get(column + 2);
      values[values.length - 1] = Boolean.valueOf(isDuplicate(row.getString(1), receivedMs(row)));
      list.set(i, RowFactory.create(values));
    }
    return CollectionConverters.asScala(list.iterator());
  }

  private static long receivedMs(Row row) {
    return Math.floorDiv(row.getLong(2), 1000L);
  }

  private boolean isDuplicate(String id, long receivedMs) {
    if (id.startsWith("#")) return false;
    Object before = lastReceived.getValue(id);
    long beforeMs = before == null ? Long.MIN_VALUE : ((Long) before).longValue();
    if (receivedMs > beforeMs) lastReceived.updateValue(id, Long.valueOf(receivedMs));
    return before != null && receivedMs - beforeMs <= withinMs;
  }

  /** Forgets the ids that no row to come can repeat. */
  public Iterator handleExpiredTimer(Object bucket, TimerValues times, ExpiredTimerInfo timer) {
    long forgetBeforeMs = times.getCurrentWatermarkInMs() - withinMs;
    List old = new ArrayList();
    Iterator all = lastReceived.iterator();
    while (all.hasNext()) {
      scala.Tuple2 each = (scala.Tuple2) all.next();
      if (((Long) each._2()).longValue() < forgetBeforeMs) old.add(each._1());
    }
    for (int i = 0; i < old.size(); i++) lastReceived.removeKey(old.get(i));
    sweepAfter(times.getCurrentWatermarkInMs(), bucket);
    return CollectionConverters.asScala(Collections.emptyIterator());
  }

  /** Twice in `withinMs`; the buckets one after the other, or all would be swept in the same step. */
  private void sweepAfter(long ms, Object bucket) {
    long periodMs = withinMs / 2;
    long phaseMs = ((Integer) bucket).intValue() * periodMs / buckets;
    long nextMs = ms - Math.floorMod(ms - phaseMs, periodMs) + periodMs;
    getHandle().registerTimer(nextMs);
    sweepAt.update(Long.valueOf(nextMs));
  }

  /** The order of the log. */
  public int compare(Object first, Object second) {
    Row a = (Row) first;
    Row b = (Row) second;
    int order = Long.compare(a.getLong(2), b.getLong(2));
    if (order == 0) order = Integer.compare(a.getInt(3), b.getInt(3));
    if (order == 0) order = Long.compare(a.getLong(4), b.getLong(4));
    return order == 0 ? Integer.compare(a.getInt(5), b.getInt(5)) : order;
  }
}
