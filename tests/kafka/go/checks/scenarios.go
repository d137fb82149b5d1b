package checks

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Client is what the scenarios need of a client; each program translates it to its client's calls.
type Client interface {
	Send(topic, codec string, idempotent bool, records []Record)
	// ReadFrom reads that many records of one partition, from an offset on, without a group.
	ReadFrom(topic string, partition int32, offset int64, count int) []Record
	// Join starts a member of a group; a record is committed if the handler, called by one at a time, says so.
	Join(group, topic string, handle func(Record) bool) Member

	Ends(topic string, partition int32) (first, end int64)
	OffsetForTime(topic string, partition int32, timestampMs int64) int64

	CreateTopic(name string, partitions int, configs map[string]string)
	CreateAgainIsRefused(name string) bool
	AddPartitions(topic string, total int)
	DeleteTopic(name string)
	Topics() []string
	PartitionCount(topic string) int
	TopicConfig(topic string) map[string]string
	Cluster() (brokers []int32, controller int32)
	Groups() []string
	GroupState(group string) string
	CommitOffset(group, topic string, partition int32, offset int64)
	CommittedOffset(group, topic string, partition int32) int64
	DeleteGroup(group string)

	// Denied fails unless a wrong password is refused as what it is.
	Denied()
}

// Member is a consumer of a group.
type Member interface {
	Partitions() []int32
	Close()
}

// Run runs the scenarios that were asked for, and ends the program.
func Run(client Client, options *Options) {
	scenarios := map[string]func(){
		"compressions": func() { compressions(client) },
		"group":        func() { group(client) },
		"seek":         func() { seek(client) },
		"admin":        func() { admin(client) },
		"idempotent":   func() { idempotent(client) },
		"recharge":     func() { recharge(client, options.Rest) },
		"read":         func() { read(client, options.Rest) },
		"denied":       client.Denied,
	}
	for name := range strings.SplitSeq(options.Scenario, ",") {
		scenario, found := scenarios[name]
		True(found, "no scenario "+name)
		began := time.Now()
		func() {
			defer func() {
				if failure := recover(); failure != nil {
					fmt.Printf("%v\nFAILED: %s\n", failure, name)
					os.Exit(1)
				}
			}()
			scenario()
		}()
		fmt.Printf("%s: %.1f s\n", name, time.Since(began).Seconds())
	}
	fmt.Println("done")
	os.Exit(0)
}

func sameTopic(client Client, topic string, sent []Record) {
	for partition := range int32(4) {
		first, end := client.Ends(topic, partition)
		Equal(first, 0, "the beginning")
		received := client.ReadFrom(topic, partition, 0, int(end))
		SameRecords(received, sent, partition)
	}
}

func compressions(client Client) {
	topic, sent := Unique("compressions"), []Record{}
	client.CreateTopic(topic, 4, nil)
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		records := RecordsFor(codec)
		client.Send(topic, codec, false, records)
		sent = append(sent, records...)
	}
	sameTopic(client, topic, sent)
	client.DeleteTopic(topic)
}

func idempotent(client Client) {
	topic, sent := Unique("idempotent"), []Record{}
	client.CreateTopic(topic, 4, nil)
	for round := range 3 {
		records := []Record{}
		for number := range 1000 {
			records = append(records, Record{Partition: int32(number % 4), Value: fmt.Appendf(nil, "%d %d", round,
				number),
				TimestampMs: time.Now().UnixMilli()})
		}
		client.Send(topic, "none", true, records)
		sent = append(sent, records...)
	}
	sameTopic(client, topic, sent)
	client.DeleteTopic(topic)
}

// collected is what a group's member got.
type collected struct {
	Member
	mutex  sync.Mutex
	values []string
}

func join(client Client, group, topic string) *collected {
	member := &collected{}
	joined := client.Join(group, topic, func(record Record) bool {
		member.mutex.Lock()
		defer member.mutex.Unlock()
		member.values = append(member.values, string(record.Value))
		return true
	})
	member.Member = joined
	return member
}

// those starting with a word, sorted.
func those(word string, members ...*collected) []string {
	values := []string{}
	for _, member := range members {
		member.mutex.Lock()
		for _, value := range member.values {
			if strings.HasPrefix(value, word) {
				values = append(values, value)
			}
		}
		member.mutex.Unlock()
	}
	slices.Sort(values)
	return values
}

// sendKeyed sends records whose partition the client's own partitioner chooses; their values come back
// sorted.
func sendKeyed(client Client, topic, word string, count int) []string {
	records, values := []Record{}, []string{}
	for number := range count {
		values = append(values, fmt.Sprintf("%s %d", word, number))
		records = append(records, Record{Partition: ByKey, Key: fmt.Appendf(nil, "key %d", number),
			Value: []byte(values[number]), TimestampMs: time.Now().UnixMilli()})
	}
	client.Send(topic, "none", false, records)
	slices.Sort(values)
	return values
}

func group(client Client) {
	topic, name := Unique("group"), Unique("group")
	client.CreateTopic(topic, 4, nil)
	stays, leaves := join(client, name, topic), join(client, name, topic)
	Until("two consumers share four partitions", func() bool {
		partitions := slices.Concat(stays.Partitions(), leaves.Partitions())
		slices.Sort(partitions)
		return len(stays.Partitions()) == 2 && slices.Equal(partitions, []int32{0, 1, 2, 3})
	})
	sent := sendKeyed(client, topic, "first", 200)
	Until("both get everything", func() bool { return len(those("first", stays, leaves)) >= 200 })
	True(slices.Equal(those("first", stays, leaves), sent), "first records, once each")

	sent = sendKeyed(client, topic, "second", 200)
	leaves.Close()
	unrepeated := func() []string { return slices.Compact(those("second", stays, leaves)) }
	Until("the one that stays takes over", func() bool {
		return len(stays.Partitions()) == 4 && len(unrepeated()) >= 200
	})
	True(slices.Equal(unrepeated(), sent), "second records, at least once")
	Until("everything is committed", func() bool {
		sum := int64(0)
		for partition := range int32(4) {
			sum += client.CommittedOffset(name, topic, partition)
		}
		return sum == 400
	})
	stays.Close()

	sent = sendKeyed(client, topic, "third", 50)
	later := join(client, name, topic)
	Until("the group goes on behind what it committed", func() bool { return len(those("", later)) >= 50 })
	later.Close()
	True(slices.Equal(those("", later), sent), "third records, and none before them")
	client.DeleteTopic(topic)
}

func seek(client Client) {
	topic, name := Unique("seek"), Unique("seek")
	client.CreateTopic(topic, 2, nil)
	firstMs := time.Now().UnixMilli() - 3_600_000
	records := []Record{}
	for number := range int64(100) {
		records = append(records, Record{Value: fmt.Appendf(nil, "%d", number), TimestampMs: firstMs + number*1000})
	}
	client.Send(topic, "none", false, records)
	for partition, wanted := range []int64{100, 0} {
		first, end := client.Ends(topic, int32(partition))
		Equal(first, 0, "the beginning")
		Equal(end, wanted, "the end")
	}
	Equal(client.OffsetForTime(topic, 0, firstMs+40_500), 41, "the offset for a time between two records")
	Equal(client.OffsetForTime(topic, 0, firstMs+40_000), 40, "the offset for a record's very time")
	for _, offset := range []int64{70, 3} {
		received := client.ReadFrom(topic, 0, offset, 2)
		Equal(received[0].Offset, offset, "the first record from there")
		Equal(string(received[0].Value), strconv.FormatInt(offset, 10), "its value")
		Equal(received[1].Offset, offset+1, "the record behind it")
	}
	Equal(client.CommittedOffset(name, topic, 0), -1, "committed before any commit")
	client.CommitOffset(name, topic, 0, 42)
	Equal(client.CommittedOffset(name, topic, 0), 42, "committed")
	Equal(client.CommittedOffset(name, topic, 1), -1, "committed where nothing was")
	client.DeleteTopic(topic)
}

func admin(client Client) {
	topic, name := Unique("admin"), Unique("admin")
	client.CreateTopic(topic, 3, map[string]string{"retention.ms": "3600000"})
	Until("the topic is listed", func() bool { return slices.Contains(client.Topics(), topic) })
	True(client.CreateAgainIsRefused(topic), "creating a topic that is there is refused as TOPIC_ALREADY_EXISTS")
	Equal(client.PartitionCount(topic), 3, "partitions")
	client.AddPartitions(topic, 5)
	Until("there are two more partitions", func() bool { return client.PartitionCount(topic) == 5 })
	Equal(client.TopicConfig(topic)["retention.ms"], "3600000", "retention.ms")
	brokers, controller := client.Cluster()
	True(slices.Contains(brokers, controller), "the controller is a broker")

	client.Send(topic, "none", false, []Record{{Value: []byte("value"), TimestampMs: time.Now().UnixMilli()}})
	member := join(client, name, topic)
	Until("the consumer gets the record", func() bool { return len(those("", member)) == 1 })
	True(slices.Contains(client.Groups(), name), "the group is listed")
	Equal(client.GroupState(name), "Stable", "the group's state")
	member.Close()
	Until("the group is empty", func() bool { return client.GroupState(name) == "Empty" })
	Equal(client.CommittedOffset(name, topic, 0), 1, "the group's offset")
	client.DeleteGroup(name)
	Until("the group is gone", func() bool { return !slices.Contains(client.Groups(), name) })
	client.DeleteTopic(topic)
	Until("the topic is gone", func() bool { return !slices.Contains(client.Topics(), topic) })
}

// recharge sends lines `card,amount,station` to RECHARGE, lines `train,station,state,time` to TRAINTOPIC.
func recharge(client Client, lines []string) {
	for _, line := range lines {
		topic := map[int]string{2: "RECHARGE", 3: "TRAINTOPIC"}[strings.Count(line, ",")]
		client.Send(topic, "none", false, []Record{
			{Partition: ByKey, Value: []byte(line), TimestampMs: time.Now().UnixMilli()}})
	}
}

// read prints exactly that many records and commits behind them: TOPIC COUNT GROUP.
func read(client Client, arguments []string) {
	True(len(arguments) == 3, "read TOPIC COUNT GROUP")
	count, err := strconv.Atoi(arguments[1])
	Must(err)
	var mutex sync.Mutex
	last, left, printed := map[int32]int64{}, count, make(chan bool)
	member := client.Join(arguments[2], arguments[0], func(record Record) bool {
		mutex.Lock()
		defer mutex.Unlock()
		if left == 0 {
			return false
		}
		fmt.Println(Shown(record))
		last[record.Partition] = record.Offset + 1
		if left--; left == 0 {
			close(printed)
		}
		return true
	})
	<-printed
	member.Close()
	for _, partition := range slices.Collect(maps.Keys(last)) {
		Equal(client.CommittedOffset(arguments[2], arguments[0], partition), last[partition], "committed")
	}
}
